//===- FewRowsProduct.h - Products that read weights once -----------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_FEWROWSPRODUCT_H
#define EFFATTN_LIB_CODEGEN_GPU_FEWROWSPRODUCT_H

#include "MatrixProduct.h"

namespace mlir::effattn {

/// Emits a launch for a product of few rows, of which a thread computes
/// `rowsOfThread` at a time. A right factor whose columns are adjacent is read
/// by a thread a column, of which each warp of the block takes other depths;
/// any other by a warp a column.
void emitFewRowsProduct(OpBuilder &builder, Location loc, StringRef name,
                        const MatrixProduct &product, int64_t rowsOfThread);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_FEWROWSPRODUCT_H
