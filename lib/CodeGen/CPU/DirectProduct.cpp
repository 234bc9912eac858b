//===- DirectProduct.cpp - Products that copy one factor ------------------===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tasks that keep the threads of a machine busy. Each has a panel, which
/// should stay in a cache from one use to the next.
static constexpr int64_t kTasks = 16;

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
  void runTask(Value first, Value end);
  void multiplyPanel(Value column);
  Value readPanel(ResultTile &tile, Value k, int64_t j, Value mask);
  void copyPanel(Value column);
  void multiplyTile(Value row, Value column, bool makesCopy);
  ResultTile tileAt(Value row, Value column) {
    return ResultTile(emitter, product, row, column, emitter.cpu.tileVectors(),
                      /*hangsOver=*/true);
  }

  VectorEmitter &emitter;
  const Product &product;
  /// Of a task: f32 [k, column].
  Value panel;
  /// The slab: its first index and its depth.
  Value start, depth;
};
} // namespace

void DirectProduct::emit() {
  VectorEmitter &e = emitter;
  Value panels = e.ceilDiv(product.columns, e.cpu.tileColumns());
  Value panelsOfTask = e.ceilDiv(panels, kTasks);
  Value tasks = arith::CeilDivUIOp::create(e.builder, e.loc, panels,
                                           e.max(panelsOfTask, e.index(1)));
  Value columns = e.mul(panelsOfTask, e.cpu.tileColumns());
  product.overTasks(e, tasks, [&](ValueRange task) {
    Value first = e.mul(task[0], columns);
    runTask(first, e.min(e.add(first, columns), product.columns));
  });
}

void DirectProduct::runTask(Value first, Value end) {
  VectorEmitter &e = emitter;
  panel = e.scratch({e.min(product.depth, e.index(e.cpu.panelDepth())),
                     e.fixed(e.cpu.tileColumns())},
                    e.builder.getF32Type());
  e.loop(first, end, e.cpu.tileColumns(), [&](Value column) {
    e.loop(e.index(0), product.depth, e.cpu.panelDepth(), [&](Value slab) {
      start = slab;
      depth = e.min(e.sub(product.depth, slab), e.index(e.cpu.panelDepth()));
      multiplyPanel(column);
    });
  });
}

void DirectProduct::multiplyPanel(Value column) {
  VectorEmitter &e = emitter;
  Value isWhole =
      e.lessEqual(e.index(e.cpu.tileColumns()), e.sub(product.columns, column));
  auto copyAndMultiply = [&]() -> SmallVector<Value> {
    multiplyTile(e.index(0), column, /*makesCopy=*/true);
    return {e.index(e.cpu.tileRows())};
  };
  auto copy = [&]() -> SmallVector<Value> {
    copyPanel(column);
    return {e.index(0)};
  };
  Value next =
      e.choose(isWhole, e.builder.getIndexType(), copyAndMultiply, copy)[0];
  e.loop(next, product.rows, e.cpu.tileRows(),
         [&](Value row) { multiplyTile(row, column, /*makesCopy=*/false); });
}

Value DirectProduct::readPanel(ResultTile &tile, Value k, int64_t j,
                               Value mask) {
  const MatrixView &right = product.right;
  return emitter.load(right.memory,
                      right.at(emitter.add(start, k), tile.columnAt(j)), mask);
}

/// What the panel has behind the last column is not looked at.
void DirectProduct::copyPanel(Value column) {
  VectorEmitter &e = emitter;
  ResultTile tile = tileAt(e.index(0), column);
  SmallVector<Value> masks = tile.columnMasks();
  e.loop(e.index(0), depth, 1, [&](Value k) {
    for (int64_t j = 0; j < e.cpu.tileVectors(); ++j)
      e.store(readPanel(tile, k, j, masks[j]), panel,
              {k, e.index(j * e.lanes())});
  });
}

void DirectProduct::multiplyTile(Value row, Value column, bool makesCopy) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left, &right = product.right;
  ResultTile tile = tileAt(row, column);
  tile.prefetch();
  SmallVector<Value> rows;
  for (int64_t i = 0; i < e.cpu.tileRows(); ++i)
    rows.push_back(tile.rowAt(i));
  auto readRight = [&](Value k, int64_t j) {
    Value ahead = e.add(k, e.cpu.prefetchRows());
    SmallVector<Value> at{k, e.index(j * e.lanes())};
    if (!makesCopy) {
      e.prefetch(panel, {ahead, at[1]});
      return e.load(panel, at);
    }
    e.prefetch(right.memory, right.at(e.add(start, ahead), tile.columnAt(j)));
    Value numbers = readPanel(tile, k, j, {});
    e.store(numbers, panel, at);
    return numbers;
  };
  SmallVector<Value> sums = tile.sum(
      depth,
      [&](int64_t i, Value k) {
        return e.loadScalar(left.memory, left.at(rows[i], e.add(start, k)));
      },
      readRight);
  tile.store(sums, start);
}

void effattn::emitDirectProduct(VectorEmitter &emitter,
                                const Product &product) {
  DirectProduct(emitter, product).emit();
}
