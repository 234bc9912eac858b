//===- WideSum.h - Sums in f64 --------------------------------------------===//
#ifndef EFFATTN_LIB_CONVERSION_WIDESUM_H
#define EFFATTN_LIB_CONVERSION_WIDESUM_H

#include "LinalgEmitter.h"

namespace mlir::effattn {

/// A float of any type, or a signed integer or index, as f64.
Value toF64(OpBuilder &builder, Location loc, Value value);

/// The sum of `term(i)`, f64, over i in [0, count), in any order, which lets
/// LLVM vectorize it. Squares of f32 are exact in f64 and do not overflow.
Value emitWideSum(OpBuilder &builder, Location loc, Value count,
                  function_ref<Value(Value)> term);

/// 1 / sqrt(mean of x^2 + epsilon) of the `count` elements x(i), f64.
Value emitInverseRms(OpBuilder &builder, Location loc, Value count,
                     double epsilon, function_ref<Value(Value)> x);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_WIDESUM_H
