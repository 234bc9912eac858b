//===- Mask.h - What mask ops are asked and what they answer --------------===//
#ifndef EFFATTN_DIALECT_MASK_H
#define EFFATTN_DIALECT_MASK_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace mlir::effattn {

/// One query and one key, all values of type index.
struct MaskPoint {
  Value batch;
  Value head;
  /// Row of the query among the queries of the call.
  Value queryIndex;
  /// Absolute position of the query: offset + row.
  Value queryPosition;
  /// Where the key stands in the key tensor.
  Value keyIndex;
  /// The key's position: its index, or what `key_positions` says.
  Value keyPosition;
};

/// Queries of one batch row at positions [first, last].
struct QueryRange {
  Value batch;
  Value first;
  Value last;
};

/// A half-open range of key positions; without keys where low >= high.
struct KeyRange {
  Value low;
  Value high;
};

/// A superset of kept keys: the band, and columns (MaskOpInterface::emitColumn)
/// inside the hull. The hull holds the band too.
struct MaskSupport {
  /// Absent: only columns are kept.
  std::optional<KeyRange> band;
  KeyRange hull;

  static MaskSupport everything(OpBuilder &builder, Location loc);
};

/// A subset of what every query of a range keeps: all keys in the band, and
/// columns in `columns`. Positions where no key stands may be in either.
struct MaskCore {
  KeyRange band;
  KeyRange columns;

  static MaskCore nothing(OpBuilder &builder, Location loc);
};

/// What an op knows at compile time about the positions of the queries and keys
/// that matter to it, padding aside.
struct PositionBounds {
  std::optional<int64_t> lowestQuery;
  std::optional<int64_t> highestQuery;
  std::optional<int64_t> lowestKey;
  std::optional<int64_t> highestKey;
  /// No key is behind any query.
  bool queriesAreLast = false;
};

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_MASK_H
