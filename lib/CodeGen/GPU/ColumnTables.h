//===- ColumnTables.h - Find the columns of a mask ------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_COLUMNTABLES_H
#define EFFATTN_LIB_CODEGEN_GPU_COLUMNTABLES_H

#include "../KeptKeys.h"

namespace mlir::effattn {

/// Launches a kernel that fills the tables of the attention's mask, of i32.
MaskTables buildColumnTables(LoopEmitter &host, AttentionOp op);
/// To be called behind their last use.
void freeColumnTables(LoopEmitter &host, const MaskTables &tables);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_COLUMNTABLES_H
