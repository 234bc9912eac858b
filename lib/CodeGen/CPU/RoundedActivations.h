//===- RoundedActivations.h - Activations of 8 bits -----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H
#define EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H

#include "Product.h"

namespace mlir::effattn {

/// Columns that byte dots take at once: a vector of 256 bits.
inline constexpr int64_t kByteBlock = 32;
/// The lanes of i32 sums of a block.
inline constexpr int64_t kBlockLanes = 8;

/// Rows of activations as integers, each group of columns of its own step.
struct IntegerActivations {
  Value rows;
  /// [row, order, C / 4], i32: the integers as bytes, four to an i32. Order 0
  /// is that of the columns; in order 1, a block has its even columns first.
  Value codes;
  /// [row, order, group, lane], i32: what to start the sum of a group from
  /// where the codes that these are multiplied by have been made positive by
  /// adding 128, or 8 in order 1.
  Value starts;
  /// [row, group], i32: the sums of the lanes of `starts`, order 0.
  Value totals;
  /// [row, group], f32.
  Value steps;
};

/// Sums of the products of bytes added to i32 lanes: positive ones of `left`
/// and those with a sign of `right`, both given as vectors of i32.
Value emitByteDots(VectorEmitter &emitter, Value sums, Value left, Value right);
/// A vector whose i32 lanes are all the number.
Value splatInteger(VectorEmitter &emitter, int64_t lanes, int64_t number);

/// Rounds groups of activations to whole multiples of their largest magnitude
/// over 127. For groups of whole blocks.
IntegerActivations emitIntegerActivations(VectorEmitter &emitter,
                                          const MatrixView &x, Value rows,
                                          Value groups, Value groupWidth);

/// The same into f32 rows, for groups of any width.
void emitRoundedActivations(VectorEmitter &emitter, const MatrixView &x,
                            Value rows, Value groups, Value groupWidth,
                            Value out);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ROUNDEDACTIVATIONS_H
