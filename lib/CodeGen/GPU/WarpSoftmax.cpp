//===- WarpSoftmax.cpp - The softmax of a row, by a warp ------------------===//
#include "WarpSoftmax.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::effattn;

WarpSoftmax::WarpSoftmax(KernelEmitter &emitter, Value x,
                         SmallVector<Value> row, double temperature)
    : e(emitter), x(x), row(std::move(row)), temperature(temperature) {
  largest = reduce(
      emit::negativeInfinity(e.builder, e.loc),
      [&](Value column) { return load(column); },
      [&](Value lhs, Value rhs) { return e.maxNumber(lhs, rhs); });
  total = reduce(
      emit::f32(e.builder, e.loc, 0),
      [&](Value column) { return power(load(column)); },
      [&](Value lhs, Value rhs) { return e.addFloats(lhs, rhs); });
}

Value WarpSoftmax::reduce(Value start, function_ref<Value(Value)> element,
                          function_ref<Value(Value, Value)> combine) {
  Value own = e.loop(e.lane(), e.size(x, row.size()), kWarpThreads, start,
                     [&](Value column, ValueRange sofar) -> SmallVector<Value> {
                       return {combine(sofar[0], element(column))};
                     })[0];
  return e.reduceWarp(own, combine);
}

/// Subtracting before dividing: a small temperature cannot overflow.
Value WarpSoftmax::power(Value logit) {
  Value distance = e.subFloats(logit, largest);
  if (temperature != 1)
    distance = e.divFloats(distance, e.positive(temperature));
  return math::ExpOp::create(e.builder, e.loc, distance);
}
