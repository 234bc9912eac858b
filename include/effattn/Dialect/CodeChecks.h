//===- CodeChecks.h - Codes of tables that are out of their range ---------===//
#ifndef EFFATTN_DIALECT_CODECHECKS_H
#define EFFATTN_DIALECT_CODECHECKS_H

#include "effattn/Dialect/EmbeddingOps.h"

namespace mlir::effattn {

/// Codes lie in [-7, 7] or [-127, 127]: the least number of their bits stands
/// for nothing. Returns an i8 that is -128 where one of codes [first, end) of
/// a row is that number, and more than that where none is. Of 4 bits, `first`
/// is even.
Value emitLeastCode(OpBuilder &builder, Location loc, Value codes, Value row,
                    int64_t bits, Value first, Value end);

/// The check that a row of `codes`, the operand called `name`, is in range.
/// `op` is named in the sentence; null where whoever inserts the check does so.
void emitCodeCheck(OpBuilder &builder, Location loc, Operation *op,
                   StringRef name, int64_t bits, Value holds, Value row);

/// Such checks of all codes that row `id` of the table is made of.
void emitRowCodeChecks(OpBuilder &builder, Location loc, Operation *op,
                       const QuantizedTable &table, Value id);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_CODECHECKS_H
