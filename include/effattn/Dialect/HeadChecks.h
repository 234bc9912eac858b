//===- HeadChecks.h - What ops that attend ask of their heads -------------===//
#ifndef EFFATTN_DIALECT_HEADCHECKS_H
#define EFFATTN_DIALECT_HEADCHECKS_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// Grouped heads: G key heads (dim 1 of `key`) serve H query heads (dim 1 of
/// `query`), so that G divides H; H = 0 aside. The first refuses what types
/// show, the second checks dynamic sizes.
LogicalResult verifyHeadGroups(Operation *op, StringRef queryName, Value query,
                               Value key);
void checkHeadGroups(OpBuilder &builder, Location loc, Value query, Value key);

/// The factor of the products of `query` [B, H, T, D] and keys, f32:
/// `scale`, or D^-0.5 where that is null.
Value emitScoreScale(OpBuilder &builder, Location loc, FloatAttr scale,
                     Value query);

/// How many of the D columns of an operand [B, H, T, D] rotate: an attribute,
/// or all. The number is even and at most D.
struct RotatedColumns {
  StringRef attributeName;
  std::optional<int64_t> attribute;
  StringRef operandName;
  Value operand;

  /// Whether types leave it open that a column rotates.
  bool mayBePositive() const;
  LogicalResult verify(Operation *op) const;
  /// The same where D is dynamic.
  void check(OpBuilder &builder, Location loc) const;
  Value emit(OpBuilder &builder, Location loc) const;
};

/// Refuses a real attribute that is not above 0 and finite.
LogicalResult verifyPositive(Operation *op, StringRef name, double value);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_HEADCHECKS_H
