//===- FactorTile.h - Parts of matrices in shared memory ------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_FACTORTILE_H
#define EFFATTN_LIB_CODEGEN_GPU_FACTORTILE_H

#include "MatrixProduct.h"

namespace mlir::effattn {

/// How a factor comes into shared memory.
struct TileLayout {
  /// Lines and depth of a tile, and tiles that are there at a time.
  int64_t lines, depth, slots;
  /// What is stored, and whether lines (or else depth) run side by side.
  Type element;
  bool linesAreAdjacent;
  /// Numbers behind each row that keep rows off the same banks.
  int64_t padding;
  /// Numbers copied at a time, which lie side by side in the factor, at a
  /// multiple of their bytes.
  int64_t step = 1;

  int64_t rowSize() const {
    return (linesAreAdjacent ? lines : depth) + padding;
  }
  int64_t bytes() const {
    return slots * (linesAreAdjacent ? depth : lines) * rowSize() *
           element.getIntOrFloatBitWidth() / 8;
  }
};

/// Some lines of a factor, of which shared memory holds a ring of tiles.
class FactorTile {
public:
  /// `shared` is [slots, depth or lines, rowSize]; the factor's lines go to
  /// [firstPlace, firstPlace + count) of a tile.
  FactorTile(KernelEmitter &emitter, const Factor &factor,
             const TileLayout &layout, Value shared, int64_t firstPlace,
             int64_t count)
      : e(emitter), factor(factor), layout(layout), shared(shared),
        firstPlace(firstPlace), count(count) {}

  /// Works out where this thread reads: tiles begin at line `first`, and there
  /// are `lines` and `depth` in all. Lines behind the last hold anything.
  void begin(Value first, Value lines, Value depth);
  /// Begins to copy the tile at a depth; numbers behind the last depth are 0.
  /// Copies that are asynchronous belong to the group that is open.
  void copy(Value slot, Value depth);

private:
  /// What this thread copies at a time.
  struct Chunk {
    /// Where it lies in the factor for the tile at depth 0; null for numbers
    /// that are made.
    Value source;
    /// How far it is from the thread's first one.
    int64_t lineOffset, depthOffset;
    /// What makes its numbers, where there is no source.
    Factor::Number make;
  };
  bool isAsynchronous() const;
  /// `rest` are the depths from the first that is copied on.
  void copyLater(Value source, Value rest, ValueRange to);
  /// `read` gives the number that is copied.
  void copyNow(function_ref<Value()> read, Value rest, ValueRange to);

  KernelEmitter &e;
  const Factor &factor;
  TileLayout layout;
  Value shared;
  int64_t firstPlace, count;
  /// The factor's memory as one row, and the distance of depths in it.
  Value flat, depthStep, wholeDepth;
  /// Where this thread's first chunk lies in a tile, and how many lines a chunk
  /// has of those that exist; null for all.
  Value linePlace, depthPlace, adjacentLines;
  SmallVector<Chunk> chunks;
};

/// Whether steps of `bytes` along the adjacent dimension of a factor begin at
/// multiples of them, on the host.
Value emitIsAligned(OpBuilder &builder, Location loc, const Factor &factor,
                    int64_t bytes);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_FACTORTILE_H
