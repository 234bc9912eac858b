//===- RowTiles.h - Parallel loops over tiles of rows ---------------------===//
#ifndef EFFATTN_LIB_CONVERSION_ROWTILES_H
#define EFFATTN_LIB_CONVERSION_ROWTILES_H

#include "LinalgEmitter.h"

namespace mlir::effattn {

/// A few rows of [..., C] tensors: a box of their leading indices.
struct RowTile {
  SmallVector<Value> offsets, sizes;
  /// How many rows, as index.
  Value rows;
};

/// The index whose place in row-major order, in a box of `sizes`, is `place`.
SmallVector<Value> emitDelinearize(OpBuilder &builder, Location loc,
                                   Value place, ValueRange sizes);

/// Shares the rows of [..., C] tensors out to tiles of about the same size, at
/// most kMaxRows. A tile is a box, so that results are slices whatever their
/// strides: rows of the last leading dimension, of several of the dimension
/// before it where all of them fit, and so on.
class RowTiles {
public:
  static constexpr int64_t kMaxRows = 16;

  /// The rows of `tensor`: what lies behind its dimensions but the last.
  RowTiles(OpBuilder &builder, Location loc, Value tensor);

  /// The most rows that a tile has, as index.
  Value capacity() { return mostRows; }
  /// Number of tiles along each leading dimension.
  ArrayRef<OpFoldResult> grid() { return tiles; }

  /// An scf.forall over the tiles. `body` gets the tile and its slices of
  /// `outputs` [..., *] and of `perTile` [grid..., *], and returns those
  /// slices' successors. Without leading dimensions there is one tile, no loop.
  /// No output may have a size that is known to be 0.
  SmallVector<Value>
  parallel(ValueRange outputs, ValueRange perTile,
           function_ref<SmallVector<Value>(const RowTile &, ValueRange)> body);

  /// The rows of a tile of `x` [..., C], in a fresh f32 tensor [capacity, C].
  Value load(const RowTile &tile, Value x);
  /// `part`, a slice of a tile, with what such a tensor holds.
  Value store(const RowTile &tile, Value rows, Value part);

  /// The leading indices of row number `row` of a tile, in its slices ...
  SmallVector<Value> placeOf(const RowTile &tile, Value row) {
    return emitDelinearize(builder, loc, row, tile.sizes);
  }
  /// ... and in the whole tensors.
  SmallVector<Value> indexOf(const RowTile &tile, Value row);

private:
  RowTile tileAt(ValueRange number);
  LinalgEmitter::Slice sliceOf(const RowTile &tile, Value output);

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  /// Of the leading dimensions: sizes, and rows of a tile along each.
  SmallVector<Value> extents, steps;
  SmallVector<OpFoldResult> tiles;
  Value mostRows;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_ROWTILES_H
