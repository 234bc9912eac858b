//===- FusedParts.h - What a fused op was made of -------------------------===//
#ifndef EFFATTN_DIALECT_FUSEDPARTS_H
#define EFFATTN_DIALECT_FUSEDPARTS_H

#include "mlir/IR/PatternMatch.h"
#include <string>
#include <vector>

namespace mlir::effattn {

/// `place`, where the op that `parts` become stands, with their names and
/// places beside it. Parts that are fused themselves are taken apart. The
/// parts are metadata of the location: messages and debug information go by
/// the place alone.
Location fuseLocation(Location place, ArrayRef<Operation *> parts);

/// Moves the ops of `made`, a fused op and what it needs, to before `place`.
/// Fails, and leaves them, where one of them does not verify: each part of a
/// fusion by itself cannot see that sizes which are dynamic between them
/// contradict each other.
LogicalResult insertIfValid(RewriterBase &rewriter, Block &made,
                            Operation *place);

/// Why ops stay apart whose fused op insertIfValid refused.
inline constexpr llvm::StringLiteral kContradictorySizes =
    "sizes of the ops contradict each other";

/// An op that a fusion took in.
struct FusedPart {
  /// "arith.addf"
  std::string name;
  /// "model.mlir:7:10", or empty.
  std::string place;
};

/// What fuseLocation put beside a location; nothing for any other.
std::vector<FusedPart> getFusedParts(Location location);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_FUSEDPARTS_H
