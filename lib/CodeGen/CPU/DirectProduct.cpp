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
  void runTask(Value rowTask, Value columnTask);
  void multiplyPanel(Value column);
  Value readPanel(ResultTile &tile, Value k, int64_t j, Value mask);
  void copyPanel(Value column);
  void multiplyTile(Value row, Value column, bool makesCopy);

  /// No row tile hangs over a block.
  int64_t blockRows() {
    return std::max(
        llvm::alignDown(emitter.cpu.panelRows(), emitter.cpu.tileRows()),
        uint64_t(emitter.cpu.tileRows()));
  }

  VectorEmitter &emitter;
  const Product &product;
  Value columnTasks, panelsOfTask, blocksOfTask;
  /// f32 [task, k, column].
  Value copies;
  /// The panel's copy, the rows that run through it, and the slab: its first
  /// index and its depth.
  Value task, firstRow, endRow, start, depth;
};
} // namespace

void DirectProduct::emit() {
  VectorEmitter &e = emitter;
  auto share = [&](Value count, Value tasks) -> Value {
    return arith::CeilDivUIOp::create(e.builder, e.loc, count,
                                      e.max(tasks, e.index(1)));
  };
  Value panels = e.ceilDiv(product.columns, e.cpu.tileColumns());
  Value blocks = e.ceilDiv(product.rows, blockRows());
  Value rowTasks = e.min(blocks, e.index(kTasks));
  columnTasks = e.min(panels, share(e.index(kTasks), rowTasks));
  panelsOfTask = share(panels, columnTasks);
  blocksOfTask = share(blocks, rowTasks);
  copies = e.scratch({e.mul(rowTasks, columnTasks),
                      e.min(product.depth, e.index(e.cpu.panelDepth())),
                      e.fixed(e.cpu.tileColumns())},
                     e.builder.getF32Type());
  e.parallel({rowTasks, columnTasks},
             [&](ValueRange task) { runTask(task[0], task[1]); });
}

void DirectProduct::runTask(Value rowTask, Value columnTask) {
  VectorEmitter &e = emitter;
  task = e.add(e.mul(rowTask, columnTasks), columnTask);
  Value rows = e.mul(blocksOfTask, blockRows());
  Value begin = e.min(e.mul(rowTask, rows), product.rows);
  Value end = e.min(e.add(begin, rows), product.rows);
  Value columns = e.mul(panelsOfTask, e.cpu.tileColumns());
  Value firstColumn = e.min(e.mul(columnTask, columns), product.columns);
  Value endColumn = e.min(e.add(firstColumn, columns), product.columns);
  e.loop(begin, end, blockRows(), [&](Value block) {
    firstRow = block;
    endRow = e.min(e.add(block, blockRows()), end);
    e.loop(firstColumn, endColumn, e.cpu.tileColumns(), [&](Value column) {
      e.loop(e.index(0), product.depth, e.cpu.panelDepth(), [&](Value slab) {
        start = slab;
        depth = e.min(e.sub(product.depth, slab), e.index(e.cpu.panelDepth()));
        multiplyPanel(column);
      });
    });
  });
}

void DirectProduct::multiplyPanel(Value column) {
  VectorEmitter &e = emitter;
  Value isWhole =
      e.lessEqual(e.index(e.cpu.tileColumns()), e.sub(product.columns, column));
  auto copyAndMultiply = [&]() -> SmallVector<Value> {
    multiplyTile(firstRow, column, /*makesCopy=*/true);
    return {e.add(firstRow, e.cpu.tileRows())};
  };
  auto copy = [&]() -> SmallVector<Value> {
    copyPanel(column);
    return {firstRow};
  };
  Value next =
      e.choose(isWhole, e.builder.getIndexType(), copyAndMultiply, copy)[0];
  e.loop(next, endRow, e.cpu.tileRows(),
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
  ResultTile tile(e, product, e.index(0), column);
  SmallVector<Value> masks = tile.columnMasks();
  e.loop(e.index(0), depth, 1, [&](Value k) {
    for (int64_t j = 0; j < e.cpu.tileVectors(); ++j)
      e.store(readPanel(tile, k, j, masks[j]), copies,
              {task, k, e.index(j * e.lanes())});
  });
}

void DirectProduct::multiplyTile(Value row, Value column, bool makesCopy) {
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
    if (!makesCopy) {
      e.prefetch(copies, {task, ahead, at[2]});
      return e.load(copies, at);
    }
    e.prefetch(right.memory, right.at(e.add(start, ahead), tile.columnAt(j)));
    Value numbers = readPanel(tile, k, j, {});
    e.store(numbers, copies, at);
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
