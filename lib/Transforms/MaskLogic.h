//===- MaskLogic.h - What follows from a mask -----------------------------===//
#ifndef EFFATTN_LIB_TRANSFORMS_MASKLOGIC_H
#define EFFATTN_LIB_TRANSFORMS_MASKLOGIC_H

#include "effattn/Dialect/MaskOps.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::effattn {

/// A mask or what it does not keep.
struct MaskLiteral {
  Value mask;
  bool negated = false;

  MaskLiteral operator!() const { return {mask, !negated}; }
};

/// Decides questions about the masks of one region for every query and key
/// that the op around it can have. "No" means that it is not known.
class MaskLogic {
public:
  explicit MaskLogic(MaskUserOpInterface user)
      : bounds(user.getPositionBounds()) {}

  /// Every key is kept.
  bool isFull(MaskLiteral literal);
  bool isEmpty(MaskLiteral literal) { return isFull(!literal); }
  /// What `a` keeps, `b` keeps.
  bool implies(MaskLiteral a, MaskLiteral b);
  /// The window or the initial keys of a separator mask reach every key at or
  /// before the query.
  bool isCausal(SeparatorMaskOp mask);

private:
  bool windowIsFull(int64_t size) const;
  bool initialIsFull(Value starts, int64_t count) const;
  bool leafIsFull(Operation *leaf) const;
  bool leafIsEmpty(Operation *leaf) const;
  bool decide(MaskLiteral a, MaskLiteral b);

  PositionBounds bounds;
  using Key = std::pair<std::pair<Value, unsigned>, std::pair<Value, unsigned>>;
  /// Answers so far: combinations ask for the same parts again and again.
  llvm::DenseMap<Key, bool> answers;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_MASKLOGIC_H
