//===- ProductSoftmaxToLinalg.cpp - Probabilities of digits and slots -----===//
#include "MemoryLowering.h"
#include "OpLowering.h"
#include "effattn/Dialect/MemoryOps.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// One softmax a digit
//===----------------------------------------------------------------------===//

Softmax effattn::emitSoftmax(OpBuilder &builder, Location loc, Value count,
                             double temperature,
                             function_ref<Value(Value)> logit, Value out,
                             ValueRange row) {
  LinalgEmitter emitter(builder, loc);
  using Carried = SmallVector<Value>;
  auto overValues = [&](ValueRange carried,
                        function_ref<Carried(Value, ValueRange)> body) {
    return emitter.loop(emit::index(builder, loc, 0), count, carried, body);
  };
  Value largest = overValues(
      emit::negativeInfinity(builder, loc),
      [&](Value value, ValueRange best) -> Carried {
        Value current = logit(value);
        Value isLarger = arith::CmpFOp::create(
            builder, loc, arith::CmpFPredicate::OGT, current, best[0]);
        return {emit::select(builder, loc, isLarger, current, best[0])};
      })[0];
  Carried powers = overValues(
      {out, emit::f32(builder, loc, 0)},
      [&](Value value, ValueRange sofar) -> Carried {
        // Subtracting before dividing: a small temperature cannot overflow.
        Value distance =
            arith::SubFOp::create(builder, loc, logit(value), largest);
        if (temperature != 1.0)
          distance = arith::DivFOp::create(
              builder, loc, distance, emitPositive(builder, loc, temperature));
        Value power = math::ExpOp::create(builder, loc, distance);
        return {emitter.insert(power, sofar[0], joinIndices(row, value)),
                arith::AddFOp::create(builder, loc, sofar[1], power)};
      });
  Value sum = powers[1];
  Value scaled =
      overValues(powers[0], [&](Value value, ValueRange sofar) -> Carried {
        SmallVector<Value> at = joinIndices(row, value);
        Value power = emit::load(builder, loc, sofar[0], at);
        return {emitter.insert(arith::DivFOp::create(builder, loc, power, sum),
                               sofar[0], at)};
      })[0];
  return {scaled, sum};
}

DigitProbabilities effattn::emitDigitSoftmax(OpBuilder &builder, Location loc,
                                             Value x, ValueRange row,
                                             double temperature) {
  LinalgEmitter emitter(builder, loc);
  unsigned digitDim = row.size(), valueDim = digitDim + 1;
  Value digits = emit::size(builder, loc, x, digitDim);
  Value base = emit::size(builder, loc, x, valueDim);
  SmallVector<OpFoldResult> sizes = emitter.sizes(x);
  Value probabilities =
      emitter.empty({sizes[digitDim], sizes[valueDim]}, builder.getF32Type());

  auto overDigit = [&](Value digit, ValueRange carried) -> SmallVector<Value> {
    auto logit = [&](Value value) {
      return emitter.extend(
          emit::load(builder, loc, x, joinIndices(row, {digit, value})));
    };
    Softmax softmax =
        emitSoftmax(builder, loc, base, temperature, logit, carried[0], digit);
    Value isNaN = emit::isNaN(builder, loc, softmax.sum);
    return {softmax.probabilities,
            emit::logicalOr(builder, loc, carried[1], isNaN)};
  };
  SmallVector<Value> result = emitter.loop(
      emit::index(builder, loc, 0), digits,
      {probabilities, emit::boolean(builder, loc, false)}, overDigit);
  return {result[0], result[1]};
}

//===----------------------------------------------------------------------===//
// product_softmax
//===----------------------------------------------------------------------===//

namespace {
class ProductSoftmaxLowering : OpLowering<ProductSoftmaxOp> {
public:
  ProductSoftmaxLowering(OpBuilder &builder, ProductSoftmaxOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    unsigned leading = cast<ShapedType>(op.getOut().getType()).getRank() - 1;
    return emitter.rows(
        leading, op.getOut(),
        [&](ValueRange row, ValueRange parts) -> SmallVector<Value> {
          return {lowerRow(row, parts[0])};
        });
  }

private:
  Value lowerRow(ValueRange row, Value slots) {
    Value zero = index(0), one = index(1);
    Value probabilities =
        emitDigitSoftmax(builder, loc, op.getX(), row, op.getTemperature())
            .probabilities;
    Value base = emit::size(builder, loc, probabilities, 1);
    // Digits without values leave no slot, and no place for the first product.
    Value isEmpty =
        emit::equal(builder, loc, emit::size(builder, loc, slots, 0), zero);
    Value digits = emit::select(builder, loc, isEmpty, zero,
                                emit::size(builder, loc, probabilities, 0));
    Value start = emit::select(builder, loc, isEmpty, zero, one);
    slots = emitter.loop(
        zero, start, slots,
        [&](Value slot, ValueRange carried) -> SmallVector<Value> {
          return {emitter.insert(emit::f32(builder, loc, 1), carried[0], slot)};
        })[0];
    return emitter.loop(
        zero, digits, {slots, one},
        [&](Value digit, ValueRange carried) -> SmallVector<Value> {
          return {appendDigit(carried[0], carried[1], digit, probabilities),
                  emit::mul(builder, loc, carried[1], base)};
        })[0];
  }

  /// Multiplies the first `count` products by every value of `digit`. Works in
  /// place from the last product on: product i goes to [i P, i P + P), which
  /// lies behind every product that is still to come.
  Value appendDigit(Value slots, Value count, Value digit,
                    Value probabilities) {
    Value zero = index(0), last = emit::sub(builder, loc, count, index(1));
    Value base = emit::size(builder, loc, probabilities, 1);
    return emitter.loop(
        zero, count, slots,
        [&](Value step, ValueRange carried) -> SmallVector<Value> {
          Value prefix = emit::sub(builder, loc, last, step);
          Value product = load(carried[0], prefix);
          Value first = emit::mul(builder, loc, prefix, base);
          return emitter.loop(
              zero, base, carried[0],
              [&](Value value, ValueRange inner) -> SmallVector<Value> {
                Value next = arith::MulFOp::create(
                    builder, loc, product, load(probabilities, {digit, value}));
                Value place = emit::add(builder, loc, first, value);
                return {emitter.insert(next, inner[0], place)};
              });
        })[0];
  }
};
} // namespace

void effattn::populateProductSoftmaxToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<ProductSoftmaxOp, ProductSoftmaxLowering>>(
      patterns.getContext());
}
