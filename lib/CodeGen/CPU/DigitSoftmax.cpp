//===- DigitSoftmax.cpp - The powers of a digit's logits ------------------===//
#include "DigitSoftmax.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace mlir::effattn;

DigitSoftmax::DigitSoftmax(VectorEmitter &e, Value x, double temperature)
    : e(e), x(x), rank(cast<MemRefType>(x.getType()).getRank()),
      // What f64 holds and f32 does not becomes the nearest that f32 does.
      temperature(std::clamp<double>(temperature,
                                     std::numeric_limits<float>::denorm_min(),
                                     std::numeric_limits<float>::max())),
      wide(e.cpu) {
  wide.vectorBits *= e.cpu.vectorRegisters / 8;
}

Value DigitSoftmax::run(ValueRange row, Value digit, Value into) {
  powers = into;
  place = llvm::to_vector(row);
  place.push_back(digit);
  Value sum = raise(findLargest());
  Value whole = e.mul(e.ceilDiv(base(), e.lanes()), e.lanes());
  Value none = e.splat(-1.0);
  e.loop(whole, e.size(powers, 0), e.lanes(),
         [&](Value column) { e.store(none, powers, column); });
  return sum;
}

Value DigitSoftmax::reduce(
    Value start,
    function_ref<Value(VectorEmitter &, Value column, Value mask, Value sofar)>
        body,
    function_ref<Value(Value, Value)> combine) {
  VectorEmitter several(e.builder, e.loc, wide);
  Value end = several.roundDown(base(), several.lanes());
  Value sofar =
      several.loop(e.index(0), end, several.lanes(), several.splat(start),
                   [&](Value column, ValueRange carried) -> SmallVector<Value> {
                     return {body(several, column, {}, carried[0])};
                   })[0];
  auto part = [&](int64_t lane) -> Value {
    return vector::ExtractStridedSliceOp::create(e.builder, e.loc, sofar, lane,
                                                 e.lanes(), 1);
  };
  Value one = part(0);
  for (int64_t lane = e.lanes(); lane < several.lanes(); lane += e.lanes())
    one = combine(one, part(lane));
  return e.overColumns(
      end, base(), one,
      [&](Value column, Value mask, ValueRange carried) -> SmallVector<Value> {
        return {body(e, column, mask, carried[0])};
      })[0];
}

Value DigitSoftmax::load(VectorEmitter &to, Value column, Value mask) {
  SmallVector<Value> at = place;
  at.push_back(column);
  if (cast<MemRefType>(x.getType()).isLastDimUnitStride())
    return to.load(x, at, mask);
  // Numbers that lie apart are gathered in the memory of the powers.
  Value end = e.min(e.add(column, to.lanes()), base());
  e.loop(column, end, 1, [&](Value number) {
    at.back() = number;
    e.storeScalar(e.loadScalar(x, at), powers, number);
  });
  return to.load(powers, column, mask);
}

/// The largest number; NaN is none.
Value DigitSoftmax::findLargest() {
  Value none = emit::negativeInfinity(e.builder, e.loc);
  Value largest = reduce(
      none,
      [&](VectorEmitter &to, Value column, Value mask, Value sofar) {
        Value logits = load(to, column, mask);
        if (mask)
          logits = to.select(mask, logits, to.splat(none));
        return to.maxFloats(logits, sofar);
      },
      [&](Value lhs, Value rhs) { return e.maxFloats(lhs, rhs); });
  return vector::ReductionOp::create(e.builder, e.loc,
                                     vector::CombiningKind::MAXNUMF, largest,
                                     arith::FastMathFlags::nnan);
}

Value DigitSoftmax::scale(VectorEmitter &to, Value differences) {
  if (temperature == 1)
    return differences;
  int exponent;
  bool isPowerOfTwo = std::frexp(temperature, &exponent) == 0.5f;
  if (isPowerOfTwo && std::abs(exponent) < 100)
    return to.mulFloats(differences, to.splat(1.0 / temperature));
  return to.divFloats(differences, to.splat(temperature));
}

/// powers = e^((x - largest) / temperature). Subtracting before dividing: a
/// small temperature cannot overflow.
Value DigitSoftmax::raise(Value largest) {
  Value sums = reduce(
      emit::f32(e.builder, e.loc, 0),
      [&](VectorEmitter &to, Value column, Value mask, Value sofar) {
        Value distance =
            to.subFloats(load(to, column, mask), to.splat(largest));
        Value power = to.expOfNegative(scale(to, distance)), added = power;
        if (mask) {
          added = to.select(mask, power, to.zeros());
          power = to.select(mask, power, to.splat(-1.0));
        }
        to.store(power, powers, column);
        return to.addFloats(sofar, added);
      },
      [&](Value lhs, Value rhs) { return e.addFloats(lhs, rhs); });
  return e.sum(sums);
}
