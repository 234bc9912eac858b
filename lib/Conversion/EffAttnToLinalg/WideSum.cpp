//===- WideSum.cpp - Sums in f64 ------------------------------------------===//
#include "WideSum.h"

using namespace mlir;
using namespace mlir::effattn;

static Value f64(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF64FloatAttr(value));
}

Value effattn::toF64(OpBuilder &builder, Location loc, Value value) {
  Type f64 = builder.getF64Type();
  if (isa<FloatType>(value.getType())) {
    // By way of f32: conversions from bf16 are expanded to f32 only.
    value = emit::toFloat(builder, loc, value, builder.getF32Type());
    return emit::toFloat(builder, loc, value, f64);
  }
  if (value.getType().isIndex())
    value = emit::fromIndex(builder, loc, value, builder.getI64Type());
  return arith::SIToFPOp::create(builder, loc, f64, value);
}

Value effattn::emitWideSum(OpBuilder &builder, Location loc, Value count,
                           function_ref<Value(Value)> term) {
  return LinalgEmitter(builder, loc)
      .loop(emit::index(builder, loc, 0), count, f64(builder, loc, 0.0),
            [&](Value i, ValueRange sum) -> SmallVector<Value> {
              return {
                  arith::AddFOp::create(builder, loc, sum[0], term(i),
                                        arith::FastMathFlags::reassoc |
                                            arith::FastMathFlags::contract)};
            })[0];
}

Value effattn::emitInverseRms(OpBuilder &builder, Location loc, Value count,
                              double epsilon, function_ref<Value(Value)> x) {
  Value squares = emitWideSum(builder, loc, count, [&](Value i) -> Value {
    Value element = x(i);
    return arith::MulFOp::create(builder, loc, element, element,
                                 arith::FastMathFlags::contract);
  });
  Value mean =
      arith::DivFOp::create(builder, loc, squares, toF64(builder, loc, count));
  Value shifted =
      arith::AddFOp::create(builder, loc, mean, f64(builder, loc, epsilon));
  return arith::DivFOp::create(builder, loc, f64(builder, loc, 1.0),
                               math::SqrtOp::create(builder, loc, shifted));
}
