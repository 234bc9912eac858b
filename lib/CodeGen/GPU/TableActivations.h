//===- TableActivations.h - What a quantised table is multiplied by -------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_TABLEACTIVATIONS_H
#define EFFATTN_LIB_CODEGEN_GPU_TABLEACTIVATIONS_H

#include "../TableParts.h"
#include "MatrixProduct.h"

namespace mlir::effattn {

/// Rows of activations in scratch, which whoever made them frees.
struct TableActivations {
  Value rows;
  /// i16 [row, C / 2]: bytes in the order of TableCodes. Or f32 [row, columns]
  /// as arrangedPlace says.
  Value numbers;
  /// f32 [row, group]: the steps of bytes; null for f32.
  Value steps;

  void free(LoopEmitter &emitter) const;
};

/// Columns of a row that a warp takes at a time, and what the lanes read
/// together: four columns of each, as a word of TableCodes has them.
inline constexpr int64_t kSlab = 1024, kRead = 128;
/// Where a row of numbers has a column, so that lanes that take neighbouring
/// chunks of columns read neighbouring vectors.
Value arrangedPlace(KernelEmitter &emitter, Value column);

/// Copies the rows of x in that order.
TableActivations emitArranged(LoopEmitter &emitter, const Factor &x, Value rows,
                              const TableParts &table);
/// Rounds each group of columns to multiples of its largest magnitude over
/// 127, as bytes. Groups are whole chunks of TableCodes.
TableActivations emitBytes(LoopEmitter &emitter, const Factor &x, Value rows,
                           const TableParts &table);
/// The same as f32 [row, C], for groups of any width.
TableActivations emitRounded(LoopEmitter &emitter, const Factor &x, Value rows,
                             const TableParts &table);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TABLEACTIVATIONS_H
