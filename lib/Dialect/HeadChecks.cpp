//===- HeadChecks.cpp - What ops that attend ask of their heads -----------===//
#include "effattn/Dialect/HeadChecks.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::effattn;

static int64_t sizeOf(Value operand, unsigned dim) {
  return cast<ShapedType>(operand.getType()).getDimSize(dim);
}

//===----------------------------------------------------------------------===//
// Grouped heads
//===----------------------------------------------------------------------===//

LogicalResult effattn::verifyHeadGroups(Operation *op, StringRef queryName,
                                        Value query, Value key) {
  int64_t heads = sizeOf(query, 1), groups = sizeOf(key, 1);
  bool isStatic = ShapedType::isStatic(heads) && ShapedType::isStatic(groups);
  if (!isStatic || heads == 0 || (groups != 0 && heads % groups == 0))
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expected key heads (dim 1) to divide query heads "
                      "(dim 1), but got ")
      << groups << " and " << heads;
  diagnostic.attachNote(query.getLoc())
      << queryName << " is " << query.getType();
  return diagnostic;
}

void effattn::checkHeadGroups(OpBuilder &builder, Location loc, Value query,
                              Value key) {
  if (ShapedType::isStatic(sizeOf(query, 1)) &&
      ShapedType::isStatic(sizeOf(key, 1)))
    return;
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value heads = emit::size(builder, loc, query, 1);
  Value groups = emit::size(builder, loc, key, 1);
  Value rest = arith::RemUIOp::create(builder, loc, heads,
                                      emit::max(builder, loc, groups, one));
  Value divides =
      emit::logicalAnd(builder, loc, emit::lessThan(builder, loc, zero, groups),
                       emit::equal(builder, loc, rest, zero));
  Value holds = emit::logicalOr(
      builder, loc, emit::equal(builder, loc, heads, zero), divides);
  CheckOp::create(builder, loc, holds,
                  "expected key heads (dim 1) to divide query heads (dim 1), "
                  "but got {0} and {1}",
                  ValueRange{groups, heads});
}

Value effattn::emitScoreScale(OpBuilder &builder, Location loc, FloatAttr scale,
                              Value query) {
  if (scale)
    return emit::f32(builder, loc, scale.getValueAsDouble());
  // A width of 0 makes every product 0, whatever scales it.
  int64_t width = sizeOf(query, 3);
  if (ShapedType::isStatic(width))
    return emit::f32(builder, loc,
                     1.0 / std::sqrt(double(std::max<int64_t>(width, 1))));
  Value atLeastOne = emit::max(builder, loc, emit::size(builder, loc, query, 3),
                               emit::index(builder, loc, 1));
  Value real = arith::SIToFPOp::create(
      builder, loc, builder.getF32Type(),
      emit::fromIndex(builder, loc, atLeastOne, builder.getI64Type()));
  return arith::DivFOp::create(builder, loc, emit::f32(builder, loc, 1.0),
                               math::SqrtOp::create(builder, loc, real));
}

//===----------------------------------------------------------------------===//
// Rotated columns
//===----------------------------------------------------------------------===//

bool RotatedColumns::mayBePositive() const {
  return attribute.value_or(sizeOf(operand, 3)) != 0;
}

LogicalResult RotatedColumns::verify(Operation *op) const {
  int64_t width = sizeOf(operand, 3);
  int64_t columns = attribute.value_or(width);
  bool isKnown = ShapedType::isStatic(columns);
  if (attribute && columns < 0)
    return op->emitOpError("expected ")
           << attributeName << " to be at least 0, but got " << columns;
  if (isKnown && columns % 2 != 0)
    return op->emitOpError("expected ")
           << attributeName << " to be even, but got " << columns;
  if (isKnown && ShapedType::isStatic(width) && columns > width)
    return op->emitOpError("expected ")
           << attributeName << " to be at most the head size of " << operandName
           << " (dim 3), but got " << columns << " and " << width;
  return success();
}

void RotatedColumns::check(OpBuilder &builder, Location loc) const {
  if (ShapedType::isStatic(sizeOf(operand, 3)))
    return;
  Value width = emit::size(builder, loc, operand, 3);
  Value columns = emit(builder, loc);
  if (attribute) {
    CheckOp::create(builder, loc, emit::lessEqual(builder, loc, columns, width),
                    ("expected " + attributeName +
                     " to be at most the head size of " + operandName +
                     " (dim 3), but got {0} and {1}")
                        .str(),
                    ValueRange{columns, width});
    return;
  }
  Value rest =
      arith::RemUIOp::create(builder, loc, width, emit::index(builder, loc, 2));
  CheckOp::create(
      builder, loc,
      emit::equal(builder, loc, rest, emit::index(builder, loc, 0)),
      ("expected " + attributeName + " to be even, but got {0}").str(),
      ValueRange{columns});
}

Value RotatedColumns::emit(OpBuilder &builder, Location loc) const {
  if (attribute)
    return emit::index(builder, loc, *attribute);
  return emit::size(builder, loc, operand, 3);
}

LogicalResult effattn::verifyPositive(Operation *op, StringRef name,
                                      double value) {
  if (value > 0 && std::isfinite(value))
    return success();
  return op->emitOpError("expected ")
         << name << " to be positive and finite, but got " << value;
}
