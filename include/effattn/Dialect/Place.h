//===- Place.h - Where an op stands in the source -------------------------===//
#ifndef EFFATTN_DIALECT_PLACE_H
#define EFFATTN_DIALECT_PLACE_H

#include "mlir/IR/Location.h"
#include <string>

namespace mlir::effattn {

/// "model.mlir:7:10" where the op came from a file, else nothing: IR that was
/// made in memory or piped in has no place to look at. The folder is left out:
/// where the model lay when it was compiled says nothing to who runs it.
std::string describePlace(Location loc);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_PLACE_H
