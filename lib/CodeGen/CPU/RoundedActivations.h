//===- RoundedActivations.h - Activations of 8 bits -----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H
#define EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H

#include "Product.h"

namespace mlir::effattn {

/// Columns of the least vector of bytes, of 256 bits, and lanes of its i32
/// sums.
inline constexpr int64_t kByteBlock = 32, kBlockLanes = 8;

/// Rows of activations as integers, each group of columns of its own step.
struct IntegerActivations {
  Value rows;
  /// [row, 2, C / 4], i32: the integers as bytes, four to an i32, and what to
  /// start the sum of each four from where 128 have been added to the codes
  /// that they are multiplied by, which they have with byte dots alone: else
  /// [row, 1, C / 4]. For tiles of rows, the integers alone, as
  /// spreadBytes() has them: [row, 1, C / n], i32, for n integers of a lane.
  Value codes;
  /// [row, 3, C / 8], i32: the same for codes of 4 bits. The even columns, the
  /// odd ones, and what to start from where 8 have been added. None for tiles
  /// of rows.
  Value halves;
  /// [row, group], i32: the sums of what to start from for `codes`.
  Value totals;
  /// [row, group], f32; 0 where no f32 is so small.
  Value steps;
};

/// Rounds groups of activations to whole multiples of their largest magnitude
/// over 127. For groups of whole blocks. Rows that are multiplied in tiles are
/// rounded by all threads, and there is room for whole tiles.
IntegerActivations
emitIntegerActivations(VectorEmitter &emitter, const MatrixView &x, Value rows,
                       Value groups, Value groupWidth,
                       std::optional<int64_t> tileRows = std::nullopt);

/// The same into f32 rows, for groups of any width.
void emitRoundedActivations(VectorEmitter &emitter, const MatrixView &x,
                            Value rows, Value groups, Value groupWidth,
                            Value out);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H
