//===- DirectProduct.cpp - Products that copy one factor ------------------===//
#include "ResultTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tasks that keep the threads of a machine busy. Each has a panel, which
/// should stay in a cache from one use to the next.
static constexpr int64_t kTasks = 16;

/// Row tiles that are shared out rather than panels: even tasks, each of which
/// copies every panel and has left factors that stay in a cache.
static constexpr int64_t kManyTiles = 64;

/// Rows up to which a product is bound by reading the right factor. That goes
/// fastest in long stretches of so many rows at a time, of at least a page each
/// but for two tasks.
static constexpr int64_t kThinRows = 16, kThinDepth = 64, kStretch = 1024,
                         kThinTasks = 2;

namespace {
/// A panel, the columns of a tile, is copied to where its rows follow each
/// other: where rows are a power of two apart, they would drive each other out
/// of the caches. The first row tile does so while it is multiplied, which
/// hides the time that the panel takes to arrive. Left factors are read where
/// they lie, and so is a right factor that is in panels.
class DirectProduct {
public:
  DirectProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product) {}

  void emit();

private:
  void runTask(Value first, Value end);
  void multiplyPanel(Value column);
  void multiplyFirst(Value column);
  void multiplyTile(ResultTile tile);
  void sumTile(ResultTile &tile, function_ref<Value(Value k, int64_t j)> right);
  void copyPanel(ResultTile tile);
  Value readRight(ResultTile &tile, Value k, int64_t j, Value mask);
  ResultTile tileAt(Value row, Value column, int64_t vectors, bool hangsOver) {
    return ResultTile(emitter, product, row, column, vectors, hangsOver);
  }

  VectorEmitter &emitter;
  const Product &product;
  /// Of a task: its rows, and f32 [k, column].
  Value firstRow, endRow, panel;
  /// The depth of slabs; the slab in work: its first index and its depth.
  Value slab, start, depth;
};
} // namespace

void DirectProduct::emit() {
  VectorEmitter &e = emitter;
  Value panels = e.ceilDiv(product.columns, e.cpu.tileColumns());
  Value isThin = product.readsPanels()
                     ? emit::boolean(e.builder, e.loc, false)
                     : e.lessEqual(product.rows, e.index(kThinRows));
  int64_t stretch = llvm::divideCeil(kStretch, e.cpu.tileColumns());
  Value tiles = e.ceilDiv(product.rows, e.cpu.tileRows());
  Value most = e.select(e.lessEqual(e.index(kManyTiles), tiles), e.index(1),
                        e.index(kTasks));
  if (product.batches)
    most = ceilDivide(e, most, product.batches);
  Value panelsOfTask =
      e.select(isThin, e.min(e.ceilDiv(panels, kThinTasks), e.index(stretch)),
               ceilDivide(e, panels, most));
  slab = e.min(product.depth, e.select(isThin, e.index(kThinDepth),
                                       e.index(e.cpu.panelDepth())));
  Value tasks = ceilDivide(e, panels, panelsOfTask);
  Value columns = e.mul(panelsOfTask, e.cpu.tileColumns());
  // Few columns are not shared out alone.
  Value rowTasks = e.quotient(product.wantedTasks(e), e.max(tasks, e.index(1)));
  rowTasks =
      e.select(isThin, e.index(1), e.min(e.max(rowTasks, e.index(1)), tiles));
  product.overTasks(e, {rowTasks, tasks}, [&](ValueRange task) {
    auto rowAt = [&](Value number) {
      Value tile =
          e.quotient(e.mul(number, tiles), e.max(rowTasks, e.index(1)));
      return e.mul(tile, e.cpu.tileRows());
    };
    firstRow = rowAt(task[0]);
    endRow = e.min(rowAt(e.add(task[0], 1)), product.rows);
    Value first = e.mul(task[1], columns);
    runTask(first, e.min(e.add(first, columns), product.columns));
  });
}

void DirectProduct::runTask(Value first, Value end) {
  VectorEmitter &e = emitter;
  if (!product.readsPanels())
    panel = e.scratch({OpFoldResult(slab), e.fixed(e.cpu.tileColumns())},
                      e.builder.getF32Type());
  Value slabs = ceilDivide(e, product.depth, slab);
  e.loop(e.index(0), slabs, 1, [&](Value number) {
    start = e.mul(number, slab);
    depth = e.min(e.sub(product.depth, start), slab);
    e.loop(first, end, e.cpu.tileColumns(),
           [&](Value column) { multiplyPanel(column); });
  });
}

/// What is behind the last whole panel is multiplied by narrower tiles.
void DirectProduct::multiplyPanel(Value column) {
  VectorEmitter &e = emitter;
  Value left = e.sub(product.columns, column);
  auto overRows = [&](Value first, int64_t vectors, bool hangsOver) {
    e.loop(first, endRow, e.cpu.tileRows(), [&](Value row) {
      multiplyTile(tileAt(row, column, vectors, hangsOver));
    });
  };
  auto multiplyWhole = [&] {
    if (product.readsPanels())
      return overRows(firstRow, e.cpu.tileVectors(), /*hangsOver=*/false);
    multiplyFirst(column);
    overRows(e.add(firstRow, e.cpu.tileRows()), e.cpu.tileVectors(),
             /*hangsOver=*/false);
  };
  auto multiplyRest = [&] {
    Value some = e.ceilDiv(left, e.lanes());
    for (int64_t count = 1; count <= e.cpu.tileVectors(); ++count)
      e.choose(e.equal(some, e.index(count)), [&] {
        if (!product.readsPanels())
          copyPanel(tileAt(firstRow, column, count, /*hangsOver=*/true));
        overRows(firstRow, count, /*hangsOver=*/true);
      });
  };
  e.choose(e.lessEqual(e.index(e.cpu.tileColumns()), left), multiplyWhole,
           multiplyRest);
}

Value DirectProduct::readRight(ResultTile &tile, Value k, int64_t j,
                               Value mask) {
  const MatrixView &right = product.right;
  return emitter.load(right.memory,
                      right.at(emitter.add(start, k), tile.columnAt(j)), mask);
}

/// What the panel has behind the last column is not looked at.
void DirectProduct::copyPanel(ResultTile tile) {
  VectorEmitter &e = emitter;
  SmallVector<Value> masks = tile.columnMasks();
  e.loop(e.index(0), depth, 1, [&](Value k) {
    for (auto [j, mask] : llvm::enumerate(masks))
      e.store(readRight(tile, k, j, mask), panel, {k, e.index(j * e.lanes())});
  });
}

void DirectProduct::multiplyFirst(Value column) {
  VectorEmitter &e = emitter;
  ResultTile tile =
      tileAt(firstRow, column, e.cpu.tileVectors(), /*hangsOver=*/false);
  sumTile(tile, [&](Value k, int64_t j) {
    Value numbers = readRight(tile, k, j, {});
    e.store(numbers, panel, {k, e.index(j * e.lanes())});
    return numbers;
  });
}

/// The next panel arrives meanwhile.
void DirectProduct::multiplyTile(ResultTile tile) {
  VectorEmitter &e = emitter;
  const MatrixView &right = product.right;
  if (product.readsPanels()) {
    PanelTile panel(e, right, start, tile.columnAt(0));
    return sumTile(tile, [&](Value k, int64_t j) {
      panel.prefetch(e.add(k, e.cpu.prefetchRows()), j);
      return panel.load(k, j);
    });
  }
  sumTile(tile, [&](Value k, int64_t j) {
    Value next = e.add(tile.columnAt(j), e.cpu.tileColumns());
    e.prefetch(right.memory, right.at(e.add(start, k), next));
    return e.load(panel, {k, e.index(j * e.lanes())});
  });
}

void DirectProduct::sumTile(ResultTile &tile,
                            function_ref<Value(Value k, int64_t j)> right) {
  VectorEmitter &e = emitter;
  const MatrixView &left = product.left;
  tile.prefetch();
  SmallVector<Value> rows;
  for (int64_t i = 0; i < e.cpu.tileRows(); ++i)
    rows.push_back(tile.rowAt(i));
  auto readLeft = [&](int64_t i, Value k) {
    return e.splat(
        e.loadScalar(left.memory, left.at(rows[i], e.add(start, k))));
  };
  tile.store(tile.sum(depth, readLeft, right), start);
}

void effattn::emitDirectProduct(VectorEmitter &emitter,
                                const Product &product) {
  DirectProduct(emitter, product).emit();
}
