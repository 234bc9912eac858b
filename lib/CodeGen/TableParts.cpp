//===- TableParts.cpp - What rows of a quantised table are sums of --------===//
#include "TableParts.h"
#include "effattn/Dialect/CodeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

TableParts::TableParts(LoopEmitter &e, const QuantizedTable &table)
    : count(e.size(table.scales, 0)), width(e.size(table.codes8, 1)),
      groups(e.size(table.scales, 1)),
      groupWidth(e.quotient(width, e.max(groups, e.index(1)))), table(table),
      loops(e) {}

Value TableParts::groupOf(Value column) {
  Type i32 = loops.builder.getI32Type();
  auto narrow = [&](Value value) {
    return emit::fromIndex(loops.builder, loops.loc, value, i32);
  };
  Value group = loops.quotient(narrow(column),
                               narrow(loops.max(groupWidth, loops.index(1))));
  return emit::toIndex(loops.builder, loops.loc, group);
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Value TableParts::isWide(Value id) {
  return emit::load(loops.builder, loops.loc, table.rowKind, id);
}

RowPart TableParts::partOf(RowPart::Operand operand, Value row, Value id) {
  bool isResidual = operand == RowPart::ResidualCodes;
  return {operand, codeOperands()[operand].second,
          row,     isResidual ? table.residualScales : table.scales,
          id,      Value()};
}

RowPart TableParts::ownPart(Value id, bool isWide) {
  Value row = emit::loadIndex(loops.builder, loops.loc, table.rowIndex, id);
  return partOf(isWide ? RowPart::Codes8 : RowPart::Codes4, row, id);
}

RowPart TableParts::residualPart(Value id) {
  return partOf(RowPart::ResidualCodes, id, id);
}

Value TableParts::nearestOf(Value id) {
  return emit::loadIndex(loops.builder, loops.loc, table.nearest, id);
}

Value TableParts::weightOf(Value id) {
  return emit::toFloat(
      loops.builder, loops.loc,
      emit::load(loops.builder, loops.loc, table.nearestWeight, id),
      loops.builder.getF32Type());
}

RowPart TableParts::nearestPart(Value id, Value source) {
  RowPart part = ownPart(source, /*isWide=*/true);
  part.weight = weightOf(id);
  return part;
}

void TableParts::forEachPart(Value id,
                             function_ref<void(const RowPart &)> visit) {
  loops.choose(
      isWide(id), [&] { visit(ownPart(id, true)); },
      [&] { visit(ownPart(id, false)); });
  if (hasResidual())
    visit(residualPart(id));
  if (!hasNearest())
    return;
  Value source = nearestOf(id);
  loops.choose(loops.lessEqual(loops.index(0), source),
               [&] { visit(nearestPart(id, source)); });
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

std::pair<Value, Value> effattn::splitBytes(LoopEmitter &e, Value bytes) {
  Value four = arith::ConstantOp::create(
      e.builder, e.loc, e.builder.getIntegerAttr(e.builder.getI8Type(), 4));
  if (auto type = dyn_cast<VectorType>(bytes.getType()))
    four = vector::BroadcastOp::create(e.builder, e.loc, type, four);
  // Shifting up and down again extends the sign of the low half.
  Value up = arith::ShLIOp::create(e.builder, e.loc, bytes, four);
  return {arith::ShRSIOp::create(e.builder, e.loc, up, four),
          arith::ShRSIOp::create(e.builder, e.loc, bytes, four)};
}

Value TableParts::loadCode(const RowPart &part, Value column) {
  LoopEmitter &e = loops;
  if (part.bits() == 8)
    return emit::load(e.builder, e.loc, part.codes, {part.row, column});
  Value at = e.quotient(column, 2), half = e.remainder(column, 2);
  auto [low, high] =
      splitBytes(e, emit::load(e.builder, e.loc, part.codes, {part.row, at}));
  return e.select(e.equal(half, e.index(0)), low, high);
}

Value TableParts::loadNumber(const RowPart &part, Value column) {
  return arith::SIToFPOp::create(loops.builder, loops.loc,
                                 loops.builder.getF32Type(),
                                 loadCode(part, column));
}

//===----------------------------------------------------------------------===//
// Codes out of range
//===----------------------------------------------------------------------===//

SmallVector<std::pair<StringRef, Value>> TableParts::codeOperands() {
  SmallVector<std::pair<StringRef, Value>> operands{{"codes4", table.codes4},
                                                    {"codes8", table.codes8}};
  if (hasResidual())
    operands.push_back({"residual_codes", table.residualCodes});
  return operands;
}

Value TableParts::noRow() {
  return arith::ConstantIntOp::create(loops.builder, loops.loc,
                                      std::numeric_limits<int64_t>::max(), 64);
}

void TableParts::clearBadRows(Value memory) {
  badRows = memory;
  for (size_t operand = 0; operand < codeOperands().size(); ++operand)
    memref::StoreOp::create(loops.builder, loops.loc, noRow(), badRows,
                            loops.index(operand));
}

void TableParts::noteBadRow(RowPart::Operand operand, Value row) {
  Value number = emit::fromIndex(loops.builder, loops.loc, row,
                                 loops.builder.getI64Type());
  memref::AtomicRMWOp::create(loops.builder, loops.loc,
                              arith::AtomicRMWKind::mins, number, badRows,
                              loops.index(operand));
}

void TableParts::emitBadRowCheck(Operation *op, RowPart::Operand operand) {
  Value row = memref::LoadOp::create(loops.builder, loops.loc, badRows,
                                     ValueRange{loops.index(operand)});
  emitCodeCheck(loops.builder, loops.loc, op, codeOperands()[operand].first,
                operand == RowPart::Codes8 ? 8 : 4, loops.equal(row, noRow()),
                row);
}
