//===- IndexChecks.h - Checks of integers that name rows ------------------===//
#ifndef EFFATTN_LIB_DIALECT_INDEXCHECKS_H
#define EFFATTN_LIB_DIALECT_INDEXCHECKS_H

#include "effattn/Dialect/Emit.h"

namespace mlir::effattn {

/// Visits every element of `indices`, a tensor or memref of any rank, in row
/// major order. `body` builds at `builder` and gets the element and its place.
void forEachIndex(OpBuilder &builder, Location loc, Value indices,
                  function_ref<void(Value, ValueRange)> body);

/// Emits the check that `index`, which stands in `name` at `place`, lies in
/// [0, limit); `limited` says what else there is to know of the limit:
/// ", the rows of codes4".
void checkIndex(OpBuilder &builder, Location loc, const Twine &name,
                Value index, ValueRange place, Value limit,
                const Twine &limited = "");

/// Every one of `ids` lies in [0, limit). Then `body` gets the id.
void checkIds(OpBuilder &builder, Location loc, Value ids, Value limit,
              function_ref<void(Value)> body = nullptr);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_INDEXCHECKS_H
