//===- Product.h - A matrix product on memory of any layout ---------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_PRODUCT_H
#define EFFATTN_LIB_CODEGEN_CPU_PRODUCT_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// A matrix in memory that need not lie as a matrix: an element is found by
/// its row and column.
struct MatrixView {
  Value memory;
  std::function<SmallVector<Value>(Value row, Value column)> at;
  /// Elements of a row, or of a column, lie side by side.
  bool rowsAreContiguous = false;
  bool columnsAreContiguous = false;
  /// Columns come in panels of some tiles: vectors of a row that start at
  /// multiples of their length lie side by side, those of a tile in the next
  /// row behind them, and what is behind the last column may be read.
  bool isInPanels = false;
  /// A matrix that is not in memory: writes elements [start, start + depth) of
  /// a column, as f32, to `out`. `start` is a multiple of a slab.
  std::function<void(Value column, Value start, Value depth, Value out)>
      readColumn = nullptr;

  /// Rows of any leading dimensions, in row-major order, as those of a matrix.
  static MatrixView ofRows(VectorEmitter &emitter, Value memory);
  MatrixView transposed() const {
    return {memory,
            [at = at](Value row, Value column) { return at(column, row); },
            columnsAreContiguous, rowsAreContiguous};
  }
};

/// The columns of a tile in a matrix in panels, from a row on. They lie side by
/// side, so that the panel is looked for once.
class PanelTile {
public:
  PanelTile(VectorEmitter &emitter, const MatrixView &matrix, Value row,
            Value column)
      : e(emitter), memory(matrix.memory), first(matrix.at(row, column)) {}

  Value load(Value row, int64_t vector) {
    return e.load(memory, at(row, vector));
  }
  void prefetch(Value row, int64_t vector) {
    e.prefetch(memory, at(row, vector));
  }

private:
  SmallVector<Value> at(Value row, int64_t vector) {
    return {first[0], e.add(first[1], row),
            e.add(first[2], vector * e.lanes())};
  }

  VectorEmitter &e;
  Value memory;
  /// [panel, row, column].
  SmallVector<Value> first;
};

/// value / divisor, rounded up; divided by 1 where the divisor is 0.
Value ceilDivide(VectorEmitter &emitter, Value value, Value divisor);

/// result (+)= left right, of `rows` x `depth` and `depth` x `columns`.
struct Product {
  Value rows, columns, depth;
  MatrixView left, right;
  /// f32, with contiguous rows.
  MatrixView result;
  /// Whether the result is added to; otherwise what it held is not read.
  bool accumulates = true;
  /// Products of these sizes: how many, and what makes the views show one of
  /// them. Null where there is one.
  Value batches = nullptr;
  std::function<void(Value number)> enterBatch = nullptr;

  /// As many tasks of each product as keep the threads of a small machine busy
  /// and are worth it.
  Value wantedTasks(VectorEmitter &emitter) const;
  /// Runs tasks of all products in parallel, each on the views of its own.
  void overTasks(VectorEmitter &emitter, ValueRange counts,
                 function_ref<void(ValueRange task)> body) const;
  /// Whether tiles of registers read the right factor where it lies.
  bool readsPanels() const;
  bool hasF32Result() const;
  /// Whether pairs of bf16 numbers are multiplied at once. They are exact, and
  /// so are sums but for their rounding; numbers below 2^-126 count as 0.
  bool multipliesPairs(const CpuModel &cpu) const;
};

/// A product of many rows: both factors are copied into the order in which
/// tiles of registers read them.
void emitPackedProduct(VectorEmitter &emitter, const Product &product);
/// A product whose left factor is read where it lies; its right factor has
/// contiguous rows, and is copied as tiles of registers read it.
void emitDirectProduct(VectorEmitter &emitter, const Product &product);
/// A product of few rows, bound by reading its right factor, which has
/// contiguous rows.
void emitFewRowsProduct(VectorEmitter &emitter, const Product &product);
/// A product of few rows whose left factor has contiguous rows and whose right
/// factor has contiguous columns: dot products.
void emitDotProducts(VectorEmitter &emitter, const Product &product);
/// A product of one row whose right factor is in panels.
void emitPanelRowProduct(VectorEmitter &emitter, const Product &product);
/// Whichever of them fits best, decided at run time where sizes are dynamic.
void emitProduct(VectorEmitter &emitter, const Product &product);
/// The same with a result of any float type: what is not f32 is summed apart
/// and rounded once.
void emitRoundedProduct(VectorEmitter &emitter, Product product);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_PRODUCT_H
