//===- QuantizedRows.cpp - Rows of a table of 4-bit and 8-bit codes -------===//
#include "QuantizedRows.h"
#include "effattn/Dialect/CodeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// More than any row.
static Value noRow(VectorEmitter &e) {
  return arith::ConstantIntOp::create(e.builder, e.loc,
                                      std::numeric_limits<int64_t>::max(), 64);
}

QuantizedRows::QuantizedRows(VectorEmitter &e, const QuantizedTable &table)
    : count(e.size(table.scales, 0)), width(e.size(table.codes8, 1)),
      groups(e.size(table.scales, 1)), emitter(e), table(table) {
  groupWidth = e.quotient(width, e.max(groups, e.index(1)));
  int64_t operands = codeOperands().size();
  badRows = e.scratch({e.fixed(operands)}, e.builder.getI64Type());
  for (int64_t operand = 0; operand < operands; ++operand)
    memref::StoreOp::create(e.builder, e.loc, noRow(e), badRows,
                            e.index(operand));
}

Value QuantizedRows::isWide(Value id) {
  return emit::load(emitter.builder, emitter.loc, table.rowKind, id);
}

RowPart QuantizedRows::ownPart(Value id, bool isWide) {
  Value row = emit::loadIndex(emitter.builder, emitter.loc, table.rowIndex, id);
  return {isWide ? RowPart::Codes8 : RowPart::Codes4,
          isWide ? table.codes8 : table.codes4,
          row,
          table.scales,
          id,
          Value()};
}

RowPart QuantizedRows::residualPart(Value id) {
  return {RowPart::ResidualCodes,
          table.residualCodes,
          id,
          table.residualScales,
          id,
          Value()};
}

Value QuantizedRows::nearestOf(Value id) {
  return emit::loadIndex(emitter.builder, emitter.loc, table.nearest, id);
}

RowPart QuantizedRows::nearestPart(Value id, Value source) {
  RowPart part = ownPart(source, /*isWide=*/true);
  part.weight = emitter.loadScalar(table.nearestWeight, id);
  return part;
}

void QuantizedRows::forEachPart(Value id,
                                function_ref<void(const RowPart &)> visit) {
  VectorEmitter &e = emitter;
  e.choose(
      isWide(id), [&] { visit(ownPart(id, true)); },
      [&] { visit(ownPart(id, false)); });
  if (hasResidual())
    visit(residualPart(id));
  if (!hasNearest())
    return;
  Value source = nearestOf(id);
  e.choose(e.lessEqual(e.index(0), source),
           [&] { visit(nearestPart(id, source)); });
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Both halves of bytes as numbers with a sign, the low half first.
static std::pair<Value, Value> splitBytes(VectorEmitter &e, Value bytes) {
  Value four = arith::ConstantOp::create(
      e.builder, e.loc, e.builder.getIntegerAttr(e.builder.getI8Type(), 4));
  if (auto type = dyn_cast<VectorType>(bytes.getType()))
    four = vector::BroadcastOp::create(e.builder, e.loc, type, four);
  // Shifting up and down again extends the sign of the low half.
  Value up = arith::ShLIOp::create(e.builder, e.loc, bytes, four);
  return {arith::ShRSIOp::create(e.builder, e.loc, up, four),
          arith::ShRSIOp::create(e.builder, e.loc, bytes, four)};
}

Value QuantizedRows::loadBytes(const RowPart &part, Value column,
                               int64_t columns) {
  VectorEmitter &e = emitter;
  auto load = [&](int64_t bytes, Value at) -> Value {
    auto type = VectorType::get(bytes, e.builder.getI8Type());
    return vector::LoadOp::create(e.builder, e.loc, type, part.codes,
                                  ValueRange{part.row, at});
  };
  if (part.bits() == 8)
    return load(columns, column);
  Value at = e.quotient(column, 2);
  auto [low, high] = splitBytes(e, load(columns / 2, at));
  return vector::InterleaveOp::create(e.builder, e.loc, low, high);
}

/// A vector of codes as f32. Groups are made of whole vectors.
Value QuantizedRows::loadCodes(const RowPart &part, Value column) {
  VectorEmitter &e = emitter;
  auto wide = VectorType::get(e.lanes(), e.builder.getI32Type());
  Value codes = arith::ExtSIOp::create(e.builder, e.loc, wide,
                                       loadBytes(part, column, e.lanes()));
  return arith::SIToFPOp::create(e.builder, e.loc, e.vectorType(), codes);
}

Value QuantizedRows::loadCode(const RowPart &part, Value column) {
  VectorEmitter &e = emitter;
  Value code;
  if (part.bits() == 8) {
    code = emit::load(e.builder, e.loc, part.codes, {part.row, column});
  } else {
    Value two = e.index(2);
    Value at = e.quotient(column, two);
    Value half = e.remainder(column, two);
    auto [low, high] =
        splitBytes(e, emit::load(e.builder, e.loc, part.codes, {part.row, at}));
    code = e.select(e.equal(half, e.index(0)), low, high);
  }
  return arith::SIToFPOp::create(e.builder, e.loc, e.builder.getF32Type(),
                                 code);
}

void QuantizedRows::decodePart(const RowPart &part, Value first, Value end,
                               bool isFirst,
                               function_ref<SmallVector<Value>(Value)> placeOf,
                               Value out) {
  VectorEmitter &e = emitter;
  watch(part, first, end);
  auto decodeGroups = [&](bool byVectors) {
    auto numberOf = [&](Value scalar) {
      return byVectors ? e.splat(scalar) : scalar;
    };
    Value perGroup = e.max(groupWidth, e.index(1));
    Value firstGroup = e.quotient(first, perGroup);
    Value endGroup = e.ceilDiv(end, perGroup);
    e.loop(firstGroup, endGroup, 1, [&](Value group) {
      Value scale = numberOf(e.loadScalar(part.scales, {part.scaleRow, group}));
      Value weight = part.weight ? numberOf(part.weight) : Value();
      Value begin = e.mul(group, groupWidth);
      Value low = e.max(begin, first);
      Value high = e.min(e.add(begin, groupWidth), end);
      e.loop(low, high, byVectors ? e.lanes() : 1, [&](Value column) {
        Value term = e.mulFloats(byVectors ? loadCodes(part, column)
                                           : loadCode(part, column),
                                 scale);
        if (weight)
          term = e.mulFloats(weight, term);
        SmallVector<Value> place = placeOf(column);
        if (!isFirst)
          term = e.addFloats(
              byVectors ? e.load(out, place) : e.loadScalar(out, place), term);
        if (byVectors)
          e.store(term, out, place);
        else
          e.storeScalar(term, out, place);
      });
    });
  };
  Value rest = e.remainder(groupWidth, e.lanes());
  e.choose(
      e.equal(rest, e.index(0)), [&] { decodeGroups(true); },
      [&] { decodeGroups(false); });
}

void QuantizedRows::decode(Value id, Value first, Value columns, Value out,
                           ValueRange prefix) {
  Value end = emitter.add(first, columns);
  auto placeOf = [&](Value column) {
    SmallVector<Value> place(prefix);
    place.push_back(emitter.sub(column, first));
    return place;
  };
  unsigned visited = 0;
  forEachPart(id, [&](const RowPart &part) {
    // The row's own codes are visited in either branch of their kind.
    decodePart(part, first, end, /*isFirst=*/visited++ < 2, placeOf, out);
  });
}

//===----------------------------------------------------------------------===//
// Codes out of range
//===----------------------------------------------------------------------===//

SmallVector<std::pair<StringRef, Value>> QuantizedRows::codeOperands() {
  SmallVector<std::pair<StringRef, Value>> operands{{"codes4", table.codes4},
                                                    {"codes8", table.codes8}};
  if (hasResidual())
    operands.push_back({"residual_codes", table.residualCodes});
  return operands;
}

void QuantizedRows::watch(const RowPart &part, Value first, Value end) {
  VectorEmitter &e = emitter;
  Value least = emitLeastCode(e.builder, e.loc, part.codes, part.row,
                              part.bits(), first, end);
  Value worst = arith::ConstantIntOp::create(e.builder, e.loc, -128, 8);
  e.choose(e.equal(least, worst), [&] {
    // Other tasks may have found other rows.
    Value row = arith::IndexCastOp::create(e.builder, e.loc,
                                           e.builder.getI64Type(), part.row);
    memref::AtomicRMWOp::create(e.builder, e.loc, arith::AtomicRMWKind::mins,
                                row, badRows, e.index(part.operand));
  });
}

void QuantizedRows::watch(Value id) {
  forEachPart(
      id, [&](const RowPart &part) { watch(part, emitter.index(0), width); });
}

void QuantizedRows::watchIf(ArrayRef<RowPart> parts, Value least,
                            int64_t worst) {
  VectorEmitter &e = emitter;
  auto integers = cast<VectorType>(least.getType());
  auto bytes =
      VectorType::get(integers.getNumElements() * 4, e.builder.getI8Type());
  Value bad = arith::ConstantOp::create(
      e.builder, e.loc,
      DenseElementsAttr::get(bytes, static_cast<int8_t>(worst)));
  Value isBad =
      e.equal(vector::BitCastOp::create(e.builder, e.loc, bytes, least), bad);
  Value any = vector::ReductionOp::create(e.builder, e.loc,
                                          vector::CombiningKind::OR, isBad);
  e.choose(any, [&] {
    for (const RowPart &part : parts)
      watch(part, e.index(0), width);
  });
}

void QuantizedRows::emitCodeChecks(Operation *op) {
  VectorEmitter &e = emitter;
  for (auto [number, operand] : llvm::enumerate(codeOperands())) {
    Value row = memref::LoadOp::create(e.builder, e.loc, badRows,
                                       ValueRange{e.index(number)});
    emitCodeCheck(e.builder, e.loc, op, operand.first,
                  number == RowPart::Codes8 ? 8 : 4, e.equal(row, noRow(e)),
                  row);
  }
}
