//===- FusedParts.h - What a fused op was made of -------------------------===//
#ifndef EFFATTN_DIALECT_FUSEDPARTS_H
#define EFFATTN_DIALECT_FUSEDPARTS_H

#include "mlir/IR/Operation.h"
#include <string>
#include <vector>

namespace mlir::effattn {

/// `place`, where the op that `parts` become stands, with their names and
/// places beside it. Parts that are fused themselves are taken apart. The
/// parts are metadata of the location: messages and debug information go by
/// the place alone.
Location fuseLocation(Location place, ArrayRef<Operation *> parts);

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
