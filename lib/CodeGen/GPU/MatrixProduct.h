//===- MatrixProduct.h - Kernels that multiply matrices -------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_MATRIXPRODUCT_H
#define EFFATTN_LIB_CODEGEN_GPU_MATRIXPRODUCT_H

#include "KernelEmitter.h"

namespace mlir::effattn {

class TileLoader;

/// One side of a product: lines of `depth` numbers, which are the rows of the
/// left matrix and the columns of the right one.
struct Factor {
  Value memory;
  /// Where the number of a line at a depth lies; `at(line, 0)` may divide, and
  /// a depth adds depth times the stride of `depthDim`.
  std::function<SmallVector<Value>(Value line, Value depth)> at;
  int64_t depthDim;
  /// Numbers of a line, or equal depths of all lines, lie side by side.
  bool depthIsAdjacent = false;
  bool linesAreAdjacent = false;
  /// Of numbers that are made and not loaded: their type, in tiles or from
  /// `enterLine`, which gives what makes those of a line, in f32.
  using Number = std::function<Value(Value depth)>;
  Type made = nullptr;
  std::function<Number(Value line)> enterLine = nullptr;

  Type element() const {
    return made ? made : cast<MemRefType>(memory.getType()).getElementType();
  }
  /// What gives the numbers of a line as f32.
  Number numbersOf(KernelEmitter &emitter, Value line) const;
};

/// The rows of a buffer, whatever its leading dimensions, along its last one.
Factor rowsOf(LoopEmitter &emitter, Value memory);

/// left times each of `rights`, which have the same sizes and types. All
/// functions emit at the builder of the kernels.
struct MatrixProduct {
  Value rows, columns, depth;
  Factor left;
  SmallVector<Factor, 2> rights;
  /// Products of these sizes: how many, and what makes the factors show one of
  /// them. Null where there is one.
  Value batches = nullptr;
  std::function<void(Value number)> enterBatch = nullptr;
  /// Where only `rows` at most are known before: the rows of the batch that was
  /// entered. Not for few rows.
  std::function<Value()> countRows = nullptr;
  /// Parts of 8 bits that tensor cores take of a left factor of f32: 3 are all
  /// of it, 2 enough for a result that is narrower.
  int64_t leftParts = 3;
  /// Whether factors that are both f32 may be rounded to tf32, for tensor
  /// cores.
  bool tf32 = false;
  /// What fills tiles of the right factor where it is made of codes, for tensor
  /// cores. Whoever gives it has found that the left factor is aligned.
  TileLoader *loader = nullptr;
  /// Takes the f32 sums of a row: gives what writes those of a column, one for
  /// each of `rights`.
  using WriteColumn = std::function<void(Value column, ValueRange sums)>;
  std::function<WriteColumn(KernelEmitter &emitter, Value row)> writeRow;
};

/// Emits launches that compute the product. `name` becomes a part of the
/// kernels' names.
void emitMatrixProduct(OpBuilder &builder, Location loc, StringRef name,
                       const MatrixProduct &product);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_MATRIXPRODUCT_H
