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
  if (!e.isContiguous(x))
    gathered = e.scratch(e.fixed(wide.lanes()), e.builder.getF32Type());
}

Value DigitSoftmax::run(ValueRange place, Value number, Value into) {
  row = llvm::to_vector(place);
  digit = number;
  powers = into;
  Value sum = raise(findLargest());
  Value whole = e.mul(e.ceilDiv(base(), e.lanes()), e.lanes());
  Value none = e.splat(-1.0);
  e.loop(whole, e.size(powers, 0), e.lanes(),
         [&](Value column) { e.store(none, powers, column); });
  return sum;
}

Value DigitSoftmax::reduce(
    Value start,
    function_ref<Value(VectorEmitter &, Value column, Value mask)> body,
    function_ref<Value(Value, Value)> combine) {
  VectorEmitter several(e.builder, e.loc, wide);
  Value end = several.roundDown(base(), several.lanes());
  Value sofar = several.loop(
      e.index(0), end, several.lanes(), e.splat(start),
      [&](Value column, ValueRange carried) -> SmallVector<Value> {
        Value numbers = body(several, column, {}), next = carried[0];
        for (int64_t lane = 0; lane < several.lanes(); lane += e.lanes())
          next = combine(vector::ExtractStridedSliceOp::create(
                             e.builder, e.loc, numbers, lane, e.lanes(), 1),
                         next);
        return {next};
      })[0];
  return e.overColumns(
      end, base(), sofar,
      [&](Value column, Value mask, ValueRange carried) -> SmallVector<Value> {
        return {combine(body(e, column, mask), carried[0])};
      })[0];
}

Value DigitSoftmax::load(VectorEmitter &to, Value column, Value mask) {
  return load(to, row, digit, column, mask);
}

Value DigitSoftmax::load(VectorEmitter &to, ValueRange row, Value digit,
                         Value column, Value mask) {
  SmallVector<Value> at(row);
  at.append({digit, column});
  if (!gathered)
    return to.load(x, at, mask);
  Value count = e.min(e.index(to.lanes()), e.sub(base(), column));
  e.loop(e.index(0), count, 1, [&](Value number) {
    at.back() = e.add(column, number);
    e.storeScalar(e.loadScalar(x, at), gathered, number);
  });
  return to.load(gathered, e.index(0), mask);
}

void DigitSoftmax::prefetch(ValueRange row, Value digit, Value column) {
  SmallVector<Value> at(row);
  at.append({digit, column});
  e.prefetch(x, at);
}

/// The largest number; NaN is none.
Value DigitSoftmax::findLargest() {
  Value none = emit::negativeInfinity(e.builder, e.loc);
  Value largest = reduce(
      none,
      [&](VectorEmitter &to, Value column, Value mask) {
        Value logits = load(to, column, mask);
        return mask ? to.select(mask, logits, to.splat(none)) : logits;
      },
      [&](Value some, Value sofar) { return e.maxFloats(some, sofar); });
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

/// Subtracting before dividing: a small temperature cannot overflow.
Value DigitSoftmax::power(VectorEmitter &to, Value logits, Value largest) {
  return to.expOfNegative(scale(to, to.subFloats(logits, largest)));
}

/// Returns the sum.
Value DigitSoftmax::raise(Value largest) {
  Value sums = reduce(
      emit::f32(e.builder, e.loc, 0),
      [&](VectorEmitter &to, Value column, Value mask) {
        Value numbers = power(to, load(to, column, mask), to.splat(largest));
        Value stored = numbers;
        if (mask) {
          stored = to.select(mask, numbers, to.splat(-1.0));
          numbers = to.select(mask, numbers, to.zeros());
        }
        to.store(stored, powers, column);
        return numbers;
      },
      [&](Value some, Value sofar) { return e.addFloats(sofar, some); });
  for (int64_t step = e.lanes() / 2; step > 0; step /= 2) {
    auto others = llvm::to_vector(llvm::seq(step, 2 * step));
    others.resize(e.lanes(), 0);
    sums = e.addFloats(
        sums, vector::ShuffleOp::create(e.builder, e.loc, sums, sums, others));
  }
  return e.firstOf(sums);
}
