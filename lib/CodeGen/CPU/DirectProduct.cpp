//===- DirectProduct.cpp - Products that read factors where they lie ------===//
#include "ResultTile.h"

using namespace mlir;
using namespace mlir::effattn;

/// All row tiles of a panel, a tile's columns, in turn: the panel stays in a
/// cache for them.
void effattn::emitDirectProduct(VectorEmitter &emitter,
                                const Product &product) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left, &right = product.right;
  auto multiplyTile = [&](Value row, Value column) {
    ResultTile tile(e, product, row, column);
    auto multiply = [&](ValueRange masks) {
      SmallVector<Value> rows;
      for (int64_t i = 0; i < e.cpu.tileRows(); ++i)
        rows.push_back(masks.empty() ? e.add(row, i) : tile.rowAt(i));
      SmallVector<Value> sums = tile.sum(
          product.depth,
          [&](int64_t i, Value k) {
            return e.loadScalar(left.memory, left.at(rows[i], k));
          },
          [&](Value k, int64_t j) {
            Value ahead = e.add(k, e.cpu.prefetchRows());
            e.prefetch(right.memory, right.at(ahead, tile.columnAt(j)));
            return e.load(right.memory, right.at(k, tile.columnAt(j)),
                          masks.empty() ? Value() : masks[j]);
          });
      if (product.accumulates)
        tile.add(sums, masks);
      else
        tile.replace(sums, masks);
    };
    tile.prefetch();
    e.choose(
        tile.isWhole(), [&] { multiply({}); },
        [&] { multiply(tile.columnMasks()); });
  };
  Value panels = e.ceilDiv(product.columns, e.cpu.tileColumns());
  e.parallel(panels, [&](ValueRange panel) {
    Value column = e.mul(panel[0], e.cpu.tileColumns());
    e.loop(e.index(0), product.rows, e.cpu.tileRows(),
           [&](Value row) { multiplyTile(row, column); });
  });
}
