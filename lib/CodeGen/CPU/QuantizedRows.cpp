//===- QuantizedRows.cpp - Rows of a table of 4-bit and 8-bit codes -------===//
#include "QuantizedRows.h"
#include "effattn/Dialect/CodeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

static Operation *outermostParallelLoop(Operation *op) {
  Operation *found = nullptr;
  for (op = op->getParentOp(); op; op = op->getParentOp())
    if (isa<scf::ForallOp, scf::ParallelOp>(op))
      found = op;
  return found;
}

QuantizedRows::QuantizedRows(VectorEmitter &e, const QuantizedTable &table,
                             QuantizedMatmulOp op)
    : TableParts(e, table), emitter(e), op(op),
      parallel(outermostParallelLoop(op)) {
  OpBuilder::InsertionGuard guard(e.builder);
  if (parallel)
    e.builder.setInsertionPoint(parallel);
  clearBadRows(
      e.scratch({e.fixed(codeOperands().size())}, e.builder.getI64Type()));
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

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
        Value codes =
            byVectors ? loadCodes(part, column) : loadNumber(part, column);
        Value term = e.mulFloats(codes, scale);
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

void QuantizedRows::watch(const RowPart &part, Value first, Value end) {
  VectorEmitter &e = emitter;
  Value least = emitLeastCode(e.builder, e.loc, part.codes, part.row,
                              part.bits(), first, end);
  Value worst = arith::ConstantIntOp::create(e.builder, e.loc, -128, 8);
  e.choose(e.equal(least, worst),
           [&] { noteBadRow(part.operand, rowInTable(part)); });
}

void QuantizedRows::watch(Value id) {
  forEachPart(
      id, [&](const RowPart &part) { watch(part, emitter.index(0), width); });
}

void QuantizedRows::watchIf(ArrayRef<RowPart> parts, Value least,
                            int64_t worst) {
  VectorEmitter &e = emitter;
  Value bad = arith::ConstantOp::create(
      e.builder, e.loc,
      DenseElementsAttr::get(cast<VectorType>(least.getType()),
                             static_cast<int8_t>(worst)));
  Value isBad = e.equal(least, bad);
  Value any = vector::ReductionOp::create(e.builder, e.loc,
                                          vector::CombiningKind::OR, isBad);
  e.choose(any, [&] {
    for (const RowPart &part : parts)
      watch(part, e.index(0), width);
  });
}

Value QuantizedRows::rowInTable(const RowPart &part) {
  if (part.operand != RowPart::ResidualCodes)
    return part.row;
  // Blocks of a parallel loop share what is noted. Another slice, of a layer
  // say, is a table of its own.
  auto slice = op.getResidualCodes().getDefiningOp<memref::SubViewOp>();
  if (!slice || !parallel || !parallel->isAncestor(slice) ||
      slice.getSourceType().getRank() != slice.getType().getRank())
    return part.row;
  Value first = getValueOrCreateConstantIndexOp(emitter.builder, emitter.loc,
                                                slice.getMixedOffsets()[0]);
  return emitter.add(part.row, first);
}

void QuantizedRows::emitCodeChecks() {
  OpBuilder::InsertionGuard guard(emitter.builder);
  if (parallel)
    emitter.builder.setInsertionPointAfter(parallel);
  for (size_t operand = 0; operand < codeOperands().size(); ++operand)
    emitBadRowCheck(op, RowPart::Operand(operand));
}
