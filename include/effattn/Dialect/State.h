//===- State.h - Which value a value is the next state of -----------------===//
#ifndef EFFATTN_DIALECT_STATE_H
#define EFFATTN_DIALECT_STATE_H

#include "mlir/IR/Value.h"
#include <optional>

namespace mlir::effattn {

/// The value that `value` is an updated version of, as far as destinations,
/// loops and casts show; null where it is new.
Value getPredecessor(Value value);

/// The argument of the block `entry` that `value` is an updated version of.
std::optional<unsigned> findStateArgument(Block &entry, Value value);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_STATE_H
