//===- DirectProduct.cpp - Products that copy one factor ------------------===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tasks that keep the threads of a small machine busy. Each has a panel, which
/// should stay in a cache from one use to the next.
static constexpr int64_t kMostTasks = 4;
/// What is summed before results go to memory: a panel (192 KiB) stays in the
/// second-level cache.
static constexpr int64_t kSlabDepth = 1024;

namespace {
/// A panel, the columns of a tile, is copied to where its rows follow each
/// other: where rows are a power of two apart, they would drive each other out
/// of the caches. The first row tile does so while it is multiplied, which
/// hides the time that the panel takes to arrive. Left factors are read where
/// they lie.
class DirectProduct {
public:
  DirectProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product) {}

  void emit();

private:
  void multiplyPanel(Value task, Value column);
  Value readPanel(ResultTile &tile, Value k, int64_t j, Value mask);
  void copyPanel(Value task, Value column);
  void multiplyTile(Value task, Value row, Value column, bool copies);

  VectorEmitter &emitter;
  const Product &product;
  /// f32 [task, k, column].
  Value panels;
  /// The slab: its first index and its depth.
  Value start, depth;
};
} // namespace

void DirectProduct::emit() {
  VectorEmitter &e = emitter;
  Value count = e.ceilDiv(product.columns, e.cpu.tileColumns());
  Value tasks = e.min(count, e.index(kMostTasks));
  Value share = arith::CeilDivUIOp::create(e.builder, e.loc, count,
                                           e.max(tasks, e.index(1)));
  Value most = e.min(product.depth, e.index(kSlabDepth));
  panels = e.scratch({tasks, most, e.fixed(e.cpu.tileColumns())},
                     e.builder.getF32Type());
  e.parallel(tasks, [&](ValueRange task) {
    Value first = e.min(e.mul(task[0], share), count);
    Value end = e.min(e.add(first, share), count);
    e.loop(first, end, 1, [&](Value panel) {
      Value column = e.mul(panel, e.cpu.tileColumns());
      e.loop(e.index(0), product.depth, kSlabDepth, [&](Value slab) {
        start = slab;
        depth = e.min(e.sub(product.depth, slab), e.index(kSlabDepth));
        multiplyPanel(task[0], column);
      });
    });
  });
}

void DirectProduct::multiplyPanel(Value task, Value column) {
  VectorEmitter &e = emitter;
  Value isWhole =
      e.lessEqual(e.index(e.cpu.tileColumns()), e.sub(product.columns, column));
  auto copyAndMultiply = [&]() -> SmallVector<Value> {
    multiplyTile(task, e.index(0), column, /*copies=*/true);
    return {e.index(e.cpu.tileRows())};
  };
  auto copy = [&]() -> SmallVector<Value> {
    copyPanel(task, column);
    return {e.index(0)};
  };
  Value next =
      e.choose(isWhole, e.builder.getIndexType(), copyAndMultiply, copy)[0];
  e.loop(next, product.rows, e.cpu.tileRows(),
         [&](Value row) { multiplyTile(task, row, column, /*copies=*/false); });
}

Value DirectProduct::readPanel(ResultTile &tile, Value k, int64_t j,
                               Value mask) {
  const MatrixView &right = product.right;
  return emitter.load(right.memory,
                      right.at(emitter.add(start, k), tile.columnAt(j)), mask);
}

/// What the panel has behind the last column is not looked at.
void DirectProduct::copyPanel(Value task, Value column) {
  VectorEmitter &e = emitter;
  ResultTile tile(e, product, e.index(0), column);
  SmallVector<Value> masks = tile.columnMasks();
  e.loop(e.index(0), depth, 1, [&](Value k) {
    for (int64_t j = 0; j < e.cpu.tileVectors(); ++j)
      e.store(readPanel(tile, k, j, masks[j]), panels,
              {task, k, e.index(j * e.lanes())});
  });
}

void DirectProduct::multiplyTile(Value task, Value row, Value column,
                                 bool copies) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left, &right = product.right;
  ResultTile tile(e, product, row, column);
  tile.prefetch();
  SmallVector<Value> rows;
  for (int64_t i = 0; i < e.cpu.tileRows(); ++i)
    rows.push_back(tile.rowAt(i));
  auto readRight = [&](Value k, int64_t j) {
    Value ahead = e.add(k, e.cpu.prefetchRows());
    SmallVector<Value> at{task, k, e.index(j * e.lanes())};
    if (!copies) {
      e.prefetch(panels, {task, ahead, at[2]});
      return e.load(panels, at);
    }
    e.prefetch(right.memory, right.at(e.add(start, ahead), tile.columnAt(j)));
    Value numbers = readPanel(tile, k, j, {});
    e.store(numbers, panels, at);
    return numbers;
  };
  SmallVector<Value> sums = tile.sum(
      depth,
      [&](int64_t i, Value k) {
        return e.loadScalar(left.memory, left.at(rows[i], e.add(start, k)));
      },
      readRight);
  auto store = [&](ValueRange masks) {
    auto add = [&] { tile.add(sums, masks); };
    if (product.accumulates)
      return add();
    // The first slab replaces what the results held.
    e.choose(e.lessThan(e.index(0), start), add,
             [&] { tile.replace(sums, masks); });
  };
  e.choose(
      tile.isWhole(), [&] { store({}); }, [&] { store(tile.columnMasks()); });
}

void effattn::emitDirectProduct(VectorEmitter &emitter,
                                const Product &product) {
  DirectProduct(emitter, product).emit();
}
