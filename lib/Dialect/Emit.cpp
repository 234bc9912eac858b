//===- Emit.cpp - Small pieces of IR that every lowering emits ------------===//
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::effattn;

Value emit::index(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value emit::f32(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF32FloatAttr(float(value)));
}

Value emit::negativeInfinity(OpBuilder &builder, Location loc) {
  return arith::ConstantOp::create(
      builder, loc,
      builder.getFloatAttr(
          builder.getF32Type(),
          APFloat::getInf(APFloat::IEEEsingle(), /*Negative=*/true)));
}

Value emit::boolean(OpBuilder &builder, Location loc, bool value) {
  return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value));
}

Value emit::size(OpBuilder &builder, Location loc, Value source, int64_t dim) {
  auto type = cast<ShapedType>(source.getType());
  if (!type.isDynamicDim(dim))
    return index(builder, loc, type.getDimSize(dim));
  if (isa<TensorType>(type))
    return tensor::DimOp::create(builder, loc, source, dim);
  return memref::DimOp::create(builder, loc, source, dim);
}

Value emit::load(OpBuilder &builder, Location loc, Value source,
                 ValueRange indices) {
  if (isa<TensorType>(source.getType()))
    return tensor::ExtractOp::create(builder, loc, source, indices);
  return memref::LoadOp::create(builder, loc, source, indices);
}

Value emit::loadIndex(OpBuilder &builder, Location loc, Value source,
                      ValueRange indices) {
  if (isa<ShapedType>(source.getType()))
    source = load(builder, loc, source, indices);
  return toIndex(builder, loc, source);
}

Value emit::toIndex(OpBuilder &builder, Location loc, Value value) {
  if (value.getType().isIndex())
    return value;
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    value);
}

Value emit::fromIndex(OpBuilder &builder, Location loc, Value value,
                      Type type) {
  if (value.getType() == type)
    return value;
  return arith::IndexCastOp::create(builder, loc, type, value);
}

Value emit::toFloat(OpBuilder &builder, Location loc, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (value.getType() == type)
    return value;
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from > to)
    return arith::TruncFOp::create(builder, loc, type, value);
  // bf16 and f16: f32 holds both exactly.
  Value wide = arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
  return arith::TruncFOp::create(builder, loc, type, wide);
}

Value emit::add(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::AddIOp::create(builder, loc, lhs, rhs);
}
Value emit::sub(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::SubIOp::create(builder, loc, lhs, rhs);
}
Value emit::mul(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::MulIOp::create(builder, loc, lhs, rhs);
}
Value emit::min(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::MinSIOp::create(builder, loc, lhs, rhs);
}
Value emit::max(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::MaxSIOp::create(builder, loc, lhs, rhs);
}

Value emit::mulUpTo(OpBuilder &builder, Location loc, Value lhs, Value rhs,
                    int64_t limit) {
  Value most = index(builder, loc, limit);
  Value divisor = max(builder, loc, rhs, index(builder, loc, 1));
  Value room = arith::DivSIOp::create(builder, loc, most, divisor);
  return select(builder, loc, lessThan(builder, loc, room, lhs), most,
                mul(builder, loc, lhs, rhs));
}

Value emit::floorMod(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  Value remainder = arith::RemSIOp::create(builder, loc, lhs, rhs);
  Value isNegative = lessThan(builder, loc, remainder, index(builder, loc, 0));
  return select(builder, loc, isNegative, add(builder, loc, remainder, rhs),
                remainder);
}

static Value compare(OpBuilder &builder, Location loc,
                     arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpIOp::create(builder, loc, predicate, lhs, rhs);
}
Value emit::lessThan(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return compare(builder, loc, arith::CmpIPredicate::slt, lhs, rhs);
}
Value emit::lessEqual(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return compare(builder, loc, arith::CmpIPredicate::sle, lhs, rhs);
}
Value emit::equal(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return compare(builder, loc, arith::CmpIPredicate::eq, lhs, rhs);
}
Value emit::logicalAnd(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::AndIOp::create(builder, loc, lhs, rhs);
}
Value emit::logicalOr(OpBuilder &builder, Location loc, Value lhs, Value rhs) {
  return arith::OrIOp::create(builder, loc, lhs, rhs);
}
Value emit::logicalNot(OpBuilder &builder, Location loc, Value value) {
  return arith::XOrIOp::create(builder, loc, value,
                               boolean(builder, loc, true));
}
Value emit::select(OpBuilder &builder, Location loc, Value condition,
                   Value ifTrue, Value ifFalse) {
  return arith::SelectOp::create(builder, loc, condition, ifTrue, ifFalse);
}

Value emit::isNaN(OpBuilder &builder, Location loc, Value value) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, value,
                               value);
}
