//===- Projection.h - Rows times a weight matrix --------------------------===//
#ifndef EFFATTN_LIB_TRANSFORMS_PROJECTION_H
#define EFFATTN_LIB_TRANSFORMS_PROJECTION_H

#include "mlir/IR/Value.h"
#include <optional>

namespace mlir::effattn {

/// Rows, of any leading dimensions, times a weight matrix [k, column], added to
/// nothing: a linalg contraction on tensors.
struct Projection {
  Value rows, weight;
  /// What the product is written into.
  Value destination;

  static std::optional<Projection> match(Value product);
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_PROJECTION_H
