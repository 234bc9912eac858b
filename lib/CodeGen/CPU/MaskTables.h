//===- MaskTables.h - Where the columns of a mask are ---------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H
#define EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H

#include "../KeptKeys.h"
#include "VectorEmitter.h"

namespace mlir::effattn {

/// Emits the tables of `mask`, of type index, over `keyCount` keys in `batch`
/// rows.
MaskTables emitMaskTables(VectorEmitter &emitter, MaskOpInterface mask,
                          Value batch, Value keyCount);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H
