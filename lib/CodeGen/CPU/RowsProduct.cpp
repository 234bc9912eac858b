//===- RowsProduct.cpp - A small product of rows that lie anywhere --------===//
#include "RowsProduct.h"

using namespace mlir;
using namespace mlir::effattn;

/// Vectors of results of a single row: enough sums that do not wait for each
/// other.
static constexpr int64_t kVectorsOfOne = 8;

/// The sums of a tile in registers: all vectors of the first row, then of the
/// second, ...
static SmallVector<Value> sumTile(VectorEmitter &e, const RowsProduct &product,
                                  ValueRange rows,
                                  const VectorEmitter::Block &block) {
  SmallVector<Value> zeros(rows.size() * block.columns.size(), e.zeros());
  return e.loop(
      e.index(0), product.groups, 1, zeros, [&](Value group, ValueRange outer) {
        return e.loop(
            e.index(0), product.depth, 1, outer, [&](Value k, ValueRange sums) {
              SmallVector<Value> numbers, next;
              for (auto [column, mask] : llvm::zip(block.columns, block.masks))
                numbers.push_back(product.right(group, k, column, mask));
              for (Value row : rows) {
                Value factor = e.splat(product.left(row, group, k));
                for (Value number : numbers)
                  next.push_back(e.mulAdd(factor, number, sums[next.size()]));
              }
              return next;
            });
      });
}

static void emitTiles(VectorEmitter &e, const RowsProduct &product,
                      int64_t rowCount, int64_t vectors) {
  Value last = e.sub(product.rows, e.index(1));
  e.loop(e.index(0), product.rows, rowCount, [&](Value first) {
    // Behind the last row, that one is computed again.
    SmallVector<Value> rows{first};
    for (int64_t i = 1; i < rowCount; ++i)
      rows.push_back(e.min(e.add(first, i), last));
    e.overBlocks(product.columns, vectors,
                 [&](const VectorEmitter::Block &block) {
                   SmallVector<Value> sums = sumTile(e, product, rows, block);
                   for (auto [i, row] : llvm::enumerate(rows))
                     for (auto [j, column, mask] :
                          llvm::enumerate(block.columns, block.masks))
                       product.store(row, column, mask,
                                     sums[i * block.columns.size() + j]);
                 });
  });
}

void effattn::emitRowsProduct(VectorEmitter &emitter,
                              const RowsProduct &product) {
  VectorEmitter &e = emitter;
  e.choose(
      e.lessEqual(product.rows, e.index(1)),
      [&] { emitTiles(e, product, 1, kVectorsOfOne); },
      [&] { emitTiles(e, product, e.cpu.tileRows(), e.cpu.tileVectors()); });
}
