//===- TileProduct.h - A tile of a product, by a block of threads ---------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_TILEPRODUCT_H
#define EFFATTN_LIB_CODEGEN_GPU_TILEPRODUCT_H

#include "FactorTile.h"

namespace mlir::effattn {

/// The sizes of a tile of the result and of the block that computes it.
struct TileShape {
  int64_t rows, columns, threads;
  /// Blocks that a multiprocessor has registers for: while the threads of one
  /// wait, those of another multiply.
  int64_t blocks;
};

/// Fills tiles of a right factor that is made of codes. All its functions emit
/// code of one thread.
class TileLoader {
public:
  virtual ~TileLoader() = default;

  /// Products that the result is the sum of.
  virtual int64_t passes() const = 0;
  /// Works out what this thread fills of the tiles of a block whose result
  /// begins at a row and a column. `shared` is as for FactorTile.
  virtual void begin(KernelEmitter &emitter, const TileLayout &layout,
                     Value shared, Value firstRow, Value firstColumn) = 0;
  /// Loads what makes the tile at a depth.
  virtual SmallVector<Value> fetch(int64_t pass, Value depth) = 0;
  /// Fills a slot with it.
  virtual void place(int64_t pass, Value slot, ValueRange fetched) = 0;

  /// Shared memory [slot, 2, line], f32: what the sums of a tile are multiplied
  /// by for their column and, if `scalesRows`, for their row.
  Value scales;
  bool scalesRows = false;
};

/// How the threads of a block multiply a tile from shared memory.
class TileEngine {
public:
  explicit TileEngine(TileShape shape) : shape(shape) {}
  virtual ~TileEngine() = default;

  const TileShape shape;
  /// How the tiles of both sides lie in shared memory.
  virtual TileLayout leftLayout() const = 0;
  virtual TileLayout rightLayout() const = 0;

  /// Works out what this thread reads and where its sums belong.
  virtual void begin(KernelEmitter &emitter) = 0;
  /// Its sums, all zero.
  virtual SmallVector<Value> zeros(KernelEmitter &emitter) = 0;
  /// The sums, and with them the product of the tiles in `slot`.
  virtual SmallVector<Value> multiply(KernelEmitter &emitter, Value left,
                                      Value right, Value slot,
                                      ValueRange sums) = 0;
  /// Whether a sum may be NaN where that of the numbers themselves is none.
  virtual bool mayMakeNaN() const { return false; }
  /// Writes the sums to `result`, f32 in shared memory.
  virtual void store(KernelEmitter &emitter, ValueRange sums, Value result) = 0;
};

/// Each thread multiplies 8 rows by 8 columns in f32.
std::unique_ptr<TileEngine> makeFmaEngine(TileShape shape,
                                          const MatrixProduct &product);

/// Tensor cores multiply, with sums in f32: a left factor of bf16 or f16 by
/// right ones of the same type, or one of f32 by either, or by f32 if the
/// product allows tf32; or, with a loader, pairs of bytes in i16. If
/// `isAligned`, all factors that are in memory can be copied 16 bytes at a
/// time.
bool canUseTensorCores(const MatrixProduct &product);
std::unique_ptr<TileEngine>
makeTensorEngine(TileShape shape, const MatrixProduct &product, bool isAligned);

/// Tiles of the result of all batches, on the host.
Value countTiles(LoopEmitter &host, const MatrixProduct &product,
                 TileShape shape);

/// Parts of the depth that are multiplied by blocks of their own: where a
/// product has few tiles and a large depth, they keep a GPU busy.
struct DepthParts {
  /// How many. One part is the whole depth, and its blocks write results.
  Value count;
  /// What several leave: [part, batch, row, column of all right factors], f32.
  Value sums;
};

/// Emits a launch that computes the product with an engine, or the sums of
/// parts of its depth.
void emitTileProduct(OpBuilder &builder, Location loc, StringRef name,
                     const MatrixProduct &product, TileEngine &engine,
                     const DepthParts *parts = nullptr);
/// Emits launches that compute the product with an engine and may divide its
/// depth, in one way for given sizes.
void emitDividedProduct(OpBuilder &builder, Location loc, StringRef name,
                        const MatrixProduct &product, TileEngine &engine);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TILEPRODUCT_H
