//===- Contraction.h - Tiles and loop orders of matrix products -----------===//
#ifndef EFFATTN_LIB_TRANSFORMS_CONTRACTION_H
#define EFFATTN_LIB_TRANSFORMS_CONTRACTION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::effattn {

/// The roles of the loops of a linalg op that multiplies and sums two inputs.
struct ContractionLoops {
  /// Loops of the result that are not `column`, outermost first.
  SmallVector<unsigned> rows;
  SmallVector<unsigned> reductions;
  /// The loop of the result's last dimension.
  unsigned column;
  /// An input has the column loop as its last dimension, as B of A B has: a
  /// row of it is added to a row of the result. Otherwise (A B^T) elements of
  /// the result are dot products.
  bool columnIsContiguous;

  /// Nothing where the op is not a contraction of tensors or memrefs with at
  /// least one dimension, or its operands' sizes contradict each other.
  static std::optional<ContractionLoops> of(Operation *op);

  /// One tile size a loop: a few rows by many columns, everything summed.
  SmallVector<int64_t> getTileSizes() const;
  /// The loops, in the order in which a tile visits memory contiguously.
  SmallVector<unsigned> getLoopOrder() const;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_CONTRACTION_H
