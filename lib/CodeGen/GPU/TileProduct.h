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
  /// Writes the sums to `result`, f32 in shared memory.
  virtual void store(KernelEmitter &emitter, ValueRange sums, Value result) = 0;
};

/// Each thread multiplies 8 rows by 8 columns in f32.
std::unique_ptr<TileEngine> makeFmaEngine(TileShape shape,
                                          const MatrixProduct &product);

/// Tensor cores multiply, with sums in f32: a left factor of bf16 or f16 by
/// right ones of the same type, or one of f32 by either. If `isAligned`, all
/// factors can be copied 16 bytes at a time.
bool canUseTensorCores(const MatrixProduct &product);
std::unique_ptr<TileEngine>
makeTensorEngine(TileShape shape, const MatrixProduct &product, bool isAligned);

/// Emits a launch that computes the product with an engine.
void emitTileProduct(OpBuilder &builder, Location loc, StringRef name,
                     const MatrixProduct &product, TileEngine &engine);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TILEPRODUCT_H
