//===- ResultTile.h - Some rows by some vectors of a product --------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H
#define EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H

#include "Product.h"

namespace mlir::effattn {

/// A tile of results that is summed in registers. It may hang over the last
/// row or column of the product.
class ResultTile {
public:
  ResultTile(VectorEmitter &emitter, const Product &product, Value row,
             Value column);

  /// Sums over [0, depth). `left(i, k)` is a number of row i of the tile,
  /// `right(k, j)` its vector j.
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
  SmallVector<Value> columnMasks();

private:
  Value isWhole();
  void add(ValueRange sums, ValueRange masks);
  void replace(ValueRange sums, ValueRange masks);
  /// Visits the vectors of the tile; a mask is null in a tile that is whole.
  void
  visit(ValueRange masks,
        function_ref<void(unsigned number, ValueRange at, Value mask)> body);

  VectorEmitter &emitter;
  const Product &product;
  const CpuModel &cpu;
  Value row, column;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_RESULTTILE_H
