//===- MemoryLowering.h - What the lowerings of the family share ----------===//
#ifndef EFFATTN_LIB_CONVERSION_MEMORYLOWERING_H
#define EFFATTN_LIB_CONVERSION_MEMORYLOWERING_H

#include "OpLowering.h"

namespace mlir::effattn {

/// A real parameter above 0 as an f32 constant that is neither 0 nor infinite:
/// what f64 holds and f32 does not becomes the nearest that f32 does.
Value emitPositive(OpBuilder &builder, Location loc, double value);

struct Softmax {
  Value probabilities;
  /// Of the powers: NaN where a probability is.
  Value sum;
};

/// softmax(logit(i) / temperature) of i in [0, count), f32, written into `out`
/// behind the indices `row`. Equal logits have equal probabilities.
Softmax emitSoftmax(OpBuilder &builder, Location loc, Value count,
                    double temperature, function_ref<Value(Value)> logit,
                    Value out, ValueRange row);

/// The probabilities of the digits of one row.
struct DigitProbabilities {
  /// `U x P`, f32.
  Value probabilities;
  /// i1: whether one of them is NaN, and with it every slot of the row.
  Value hasNaN;
};

/// `x` is `... x U x P` of any float type; `row` indexes its leading dims.
DigitProbabilities emitDigitSoftmax(OpBuilder &builder, Location loc, Value x,
                                    ValueRange row, double temperature);

using NumberAt = function_ref<Value(Value index)>;

/// Values and i32 indices of the K of `count` elements with the largest keys,
/// in `parts`, which say K.
SmallVector<Value> emitTopKRow(OpBuilder &builder, Location loc, Value count,
                               NumberAt key, NumberAt value, ValueRange parts);

/// The values of a row [K], f32, divided by their sum.
Value emitNormalized(OpBuilder &builder, Location loc, Value values);

void populateProductSoftmaxToLinalgPatterns(RewritePatternSet &patterns);
void populateTopKToLinalgPatterns(RewritePatternSet &patterns);
void populateAddressToLinalgPatterns(RewritePatternSet &patterns);
void populateAddressMemoryToLinalgPatterns(RewritePatternSet &patterns);
void populateVectorQuantizeToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_MEMORYLOWERING_H
