//===- MaskTables.h - Where the columns of a mask are ---------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H
#define EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H

#include "VectorEmitter.h"
#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// The columns of a mask (MaskOpInterface::emitColumn), found once for all
/// queries.
struct MaskTables {
  /// [B, S + 1], index: how many columns stand before each key.
  Value before;
  /// [B, S], index: the columns of a batch row in ascending order, as many as
  /// it has.
  Value columns;
};

/// Emits the tables of `mask` over `keyCount` keys in `batch` rows.
MaskTables emitMaskTables(VectorEmitter &emitter, MaskOpInterface mask,
                          Value batch, Value keyCount);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_MASKTABLES_H
