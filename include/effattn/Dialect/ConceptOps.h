//===- ConceptOps.h - Merge neighbouring tokens and map back -------------===//
#ifndef EFFATTN_DIALECT_CONCEPTOPS_H
#define EFFATTN_DIALECT_CONCEPTOPS_H

#include "effattn/Dialect/EffAttn.h"

#define GET_OP_CLASSES
#include "effattn/Dialect/ConceptOps.h.inc"

namespace mlir::effattn {

/// Whether a row may have more boundaries than fit, and that is an error.
bool mayOverflow(ChunkOp op);
/// Checks that `count`, the boundaries of a row, fit.
void checkCapacity(OpBuilder &builder, ChunkOp op, Value row, Value count);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_CONCEPTOPS_H
