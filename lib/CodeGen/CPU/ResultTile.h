//===- ResultTile.h - Some rows by some vectors of a product --------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H
#define EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H

#include "Product.h"

namespace mlir::effattn {

/// A tile of results that is summed in registers. It may hang over the last
/// row of the product, and where it says so, over the last column.
class ResultTile {
public:
  /// As many rows as registers are made for, by some vectors.
  ResultTile(VectorEmitter &emitter, const Product &product, Value row,
             Value column, int64_t vectors, bool hangsOver);

  /// Sums over [0, depth). `left(i, k)` is a number of row i of the tile, in
  /// every lane, `right(k, j)` its vector j; or both are pairs of numbers.
  SmallVector<Value> sum(Value depth,
                         function_ref<Value(int64_t i, Value k)> left,
                         function_ref<Value(Value k, int64_t j)> right);

  /// Asks for the results, so that they arrive while the tile is summed.
  void prefetch();
  /// Writes the sums of a slab that starts at `start`: adds them to the
  /// results, or replaces these in the first slab of a product that does not
  /// accumulate.
  void store(ValueRange sums, Value start);

  /// Row i of the tile, or the last one of the product where it hangs over.
  Value rowAt(int64_t i);
  Value columnAt(int64_t j) { return emitter.add(column, j * emitter.lanes()); }
  int64_t vectors() const { return vectorCount; }
  /// Of the tile's vectors; null in one that does not hang over.
  SmallVector<Value> columnMasks();

private:
  /// Stores those of the tile's rows that are the product's.
  void storeRows(ValueRange sums, bool adds);
  void storeRow(int64_t i, ValueRange sums, ValueRange masks, bool adds);

  VectorEmitter &emitter;
  const Product &product;
  int64_t rowCount, vectorCount;
  bool hangsOver;
  Value row, column;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H
