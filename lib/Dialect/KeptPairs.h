//===- KeptPairs.h - How many keys queries keep ---------------------------===//
#ifndef EFFATTN_LIB_DIALECT_KEPTPAIRS_H
#define EFFATTN_LIB_DIALECT_KEPTPAIRS_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// Sums over all batch rows, for one head, of type index.
struct KeptPairs {
  /// Pairs of a query and a key that it keeps.
  Value pairs;
  /// Valid keys.
  Value keys;
};

/// Emits the sums for an attention. Causal masks and windows are counted; what
/// other masks drop is data, and counts as kept.
KeptPairs emitKeptPairs(OpBuilder &builder, ComputeOpInterface op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_KEPTPAIRS_H
