//===- WarpSoftmax.h - The softmax of a row, by a warp --------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_WARPSOFTMAX_H
#define EFFATTN_LIB_CODEGEN_GPU_WARPSOFTMAX_H

#include "KernelEmitter.h"

namespace mlir::effattn {

/// The probabilities of a row, of which each lane computes every 32nd.
class WarpSoftmax {
public:
  /// `row` are the indices of a row of `x`, which is its last dimension.
  WarpSoftmax(KernelEmitter &emitter, Value x, SmallVector<Value> row,
              double temperature);

  /// NaN where a probability is.
  Value sum() const { return total; }
  Value probability(Value column) { return probabilityOf(load(column)); }
  Value probabilityOf(Value logit) { return e.divFloats(power(logit), total); }

private:
  Value load(Value column) { return e.loadFloat(x, joinIndices(row, column)); }
  Value power(Value logit);
  /// `combine` of what `element` gives, over all columns.
  Value reduce(Value start, function_ref<Value(Value)> element,
               function_ref<Value(Value, Value)> combine);

  KernelEmitter &e;
  Value x;
  SmallVector<Value> row;
  double temperature;
  Value largest, total;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_WARPSOFTMAX_H
