//===- TensorSum.h - Sums of two tensors, however they are written --------===//
#ifndef EFFATTN_LIB_TRANSFORMS_TENSORSUM_H
#define EFFATTN_LIB_TRANSFORMS_TENSORSUM_H

#include "mlir/IR/Operation.h"

namespace mlir::effattn {

struct TensorSum {
  Value lhs, rhs;
  /// What the sum is written into; absent for arith.addf.
  Value destination;
  /// Every element of the sum is that of both operands at the same place.
  bool isElementwise = true;

  /// The sum that an arith.addf on tensors is, or a linalg op whose body adds
  /// two of its operands: linalg.add, map, elementwise, generic.
  static std::optional<TensorSum> match(Operation *op);
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_TENSORSUM_H
