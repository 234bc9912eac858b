//===- KeptChecks.h - Checks of ops that keep the k best ------------------===//
#ifndef EFFATTN_LIB_DIALECT_KEPTCHECKS_H
#define EFFATTN_LIB_DIALECT_KEPTCHECKS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace mlir::effattn {

/// An index is an i32, and so is the number of what is chosen from.
inline constexpr int64_t kMaxIndices = std::numeric_limits<int32_t>::max();

/// The inits [..., k] of an op that keeps k values and their indices.
struct KeptInits {
  Value values, indices;
  /// The dimension in words, for each: "values kept slots".
  StringRef valuesSize, indicesSize;
};

/// k is not negative.
LogicalResult verifyKept(Operation *op, int64_t k);
/// The inits have room for k; dynamic sizes pass.
LogicalResult verifyRoom(Operation *op, int64_t k, const KeptInits &inits);

/// The same where no size is static; those that agree are checked once.
void checkRoom(OpBuilder &builder, Location loc, int64_t k,
               const KeptInits &inits);
/// k is at most `count`, the number of `things`.
void checkKept(OpBuilder &builder, Location loc, int64_t k, Value count,
               StringRef things);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_KEPTCHECKS_H
