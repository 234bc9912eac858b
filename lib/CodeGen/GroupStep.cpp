//===- GroupStep.cpp - The step that a group of numbers is rounded to -----===//
#include "GroupStep.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

GroupStep::GroupStep(LoopEmitter &emitter, Value largest) : e(emitter) {
  Type f64 = e.builder.getF64Type();
  auto real = [&](double number) -> Value {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getFloatAttr(f64, number));
  };
  Value wide = arith::ExtFOp::create(e.builder, e.loc, f64, largest);
  step = e.divFloats(wide, real(127.0));
  divisor = e.select(e.equalFloats(wide, real(0.0)), real(1.0), step);
  inverse = emit::toFloat(e.builder, e.loc, e.divFloats(real(127.0), wide),
                          e.builder.getF32Type());
  isFinite = e.lessFloats(wide, real(std::numeric_limits<double>::infinity()));
}

Value GroupStep::spread(Value number, Value numbers) {
  auto type = dyn_cast<VectorType>(numbers.getType());
  if (!type)
    return number;
  return vector::BroadcastOp::create(e.builder, e.loc,
                                     type.clone(number.getType()), number);
}

Value GroupStep::countSteps(Value numbers) {
  Type f64 = e.builder.getF64Type();
  if (auto type = dyn_cast<VectorType>(numbers.getType()))
    f64 = type.clone(f64);
  Value wide = arith::ExtFOp::create(e.builder, e.loc, f64, numbers);
  return math::RoundEvenOp::create(e.builder, e.loc,
                                   e.divFloats(wide, spread(divisor, numbers)));
}

std::pair<Value, Value> GroupStep::guessSteps(Value numbers) {
  Value steps = e.mulFloats(numbers, spread(inverse, numbers));
  Value nearest = math::RoundEvenOp::create(e.builder, e.loc, steps);
  Value rest =
      math::AbsFOp::create(e.builder, e.loc, e.subFloats(steps, nearest));
  Value limit = spread(emit::f32(e.builder, e.loc, 0.4999), numbers);
  return {nearest, e.lessFloats(rest, limit)};
}
