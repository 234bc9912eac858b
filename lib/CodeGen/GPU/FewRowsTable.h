//===- FewRowsTable.h - Few rows and a quantised table --------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_FEWROWSTABLE_H
#define EFFATTN_LIB_CODEGEN_GPU_FEWROWSTABLE_H

#include "TableActivations.h"

namespace mlir::effattn {

/// Emits a launch in which a warp multiplies a row of the table at a time by
/// `rowsOfWarp` rows of activations: bytes, or numbers that are arranged.
void emitFewRowsTable(
    OpBuilder &builder, Location loc, TableParts &table,
    const TableActivations &activations, int64_t rowsOfWarp,
    function_ref<MatrixProduct::WriteColumn(KernelEmitter &emitter, Value row)>
        writeRow);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_FEWROWSTABLE_H
