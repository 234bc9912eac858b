//===- RowTiling.h - Ops that treat every row by itself -------------------===//
#ifndef EFFATTN_DIALECT_ROWTILING_H
#define EFFATTN_DIALECT_ROWTILING_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::effattn {

/// Gives the ops whose rows are independent (norms, feed-forward networks,
/// embeddings, top_k, ...) the upstream TilingInterface: their loops are their
/// leading dimensions, `...` in the shape specification, all parallel. A tile
/// is the same op on some of the rows, with the other operands whole.
void registerRowTilingModels(DialectRegistry &registry);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_ROWTILING_H
