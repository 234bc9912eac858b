//===- Ranks.cpp - A value and its index as one integer -------------------===//
#include "effattn/Dialect/Ranks.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

Value Ranks::constant(int64_t value, unsigned width) {
  return arith::ConstantIntOp::create(builder, loc, value, width);
}

Value Ranks::flipNegative(Value bits) {
  Value sign = arith::ShRSIOp::create(builder, loc, bits, constant(31, 32));
  Value mask =
      arith::AndIOp::create(builder, loc, sign, constant(0x7fffffff, 32));
  return arith::XOrIOp::create(builder, loc, bits, mask);
}

Value Ranks::encode(Value value, Value index) {
  // -0 + 0 is 0: the two tie.
  Value unsignedZero =
      arith::AddFOp::create(builder, loc, value, emit::f32(builder, loc, 0));
  Value bits = arith::BitcastOp::create(builder, loc, builder.getI32Type(),
                                        unsignedZero);
  Value isNaN = emit::isNaN(builder, loc, value);
  Value order = emit::select(builder, loc, isNaN, constant(0x7fffffff, 32),
                             flipNegative(bits));
  Type i64 = builder.getI64Type();
  Value upper = arith::ShLIOp::create(
      builder, loc, arith::ExtSIOp::create(builder, loc, i64, order),
      constant(32));
  Value lower = emit::sub(builder, loc, constant(0x7fffffff),
                          emit::fromIndex(builder, loc, index, i64));
  return arith::OrIOp::create(builder, loc, upper, lower);
}

Value Ranks::value(Value rank) {
  Value upper = arith::ShRSIOp::create(builder, loc, rank, constant(32));
  Value order =
      arith::TruncIOp::create(builder, loc, builder.getI32Type(), upper);
  // The order of NaN, 2^31 - 1, is itself the bits of a NaN.
  return arith::BitcastOp::create(builder, loc, builder.getF32Type(),
                                  flipNegative(order));
}

Value Ranks::index(Value rank) {
  Value lower = arith::AndIOp::create(builder, loc, rank, constant(0xffffffff));
  return emit::toIndex(builder, loc,
                       emit::sub(builder, loc, constant(0x7fffffff), lower));
}
