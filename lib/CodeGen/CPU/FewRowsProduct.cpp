//===- FewRowsProduct.cpp - Products bound by reading one factor ----------===//
#include "Product.h"

using namespace mlir;
using namespace mlir::effattn;

/// Columns of a task. A task reads stretches of rows this long (4 KiB of f32),
/// and its results stay in the first-level cache.
static constexpr int64_t kTaskColumns = 1024;

namespace {
/// Adds several rows of the right factor at once to some rows of the result,
/// so that results are loaded and stored once for all of them.
class FewRowsProduct {
public:
  FewRowsProduct(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product) {}

  void emit();

private:
  void emitTask(Value first, Value end, int64_t rowCount);
  void clear(ValueRange rows, Value first, Value end);
  void addRows(ValueRange rows, Value k, int64_t depth, Value first, Value end);

  VectorEmitter &emitter;
  const Product &product;
};
} // namespace

void FewRowsProduct::emit() {
  VectorEmitter &e = emitter;
  Value tasks = e.ceilDiv(product.columns, kTaskColumns);
  product.overTasks(e, tasks, [&](ValueRange task) {
    Value first = e.mul(task[0], kTaskColumns);
    Value end = e.min(e.add(first, kTaskColumns), product.columns);
    Value one = e.index(1);
    e.choose(
        e.lessEqual(product.rows, one), [&] { emitTask(first, end, 1); },
        [&] { emitTask(first, end, 8); });
  });
}

void FewRowsProduct::emitTask(Value first, Value end, int64_t rowCount) {
  VectorEmitter &e = emitter;
  // Rows of the right factor at once. For one row of results as many streams as
  // prefetchers follow, else so many that all factors stay in registers.
  int64_t depth = rowCount == 1 ? 8 : 2;
  Value last = e.sub(product.rows, e.index(1));
  e.loop(e.index(0), product.rows, rowCount, [&](Value row) {
    // Behind the last row, that one is computed again.
    SmallVector<Value> rows;
    for (int64_t i = 0; i < rowCount; ++i)
      rows.push_back(rowCount == 1 ? row : e.min(e.add(row, i), last));
    if (rowCount > 1)
      rows[0] = row;
    if (!product.accumulates)
      clear(rows, first, end);
    Value whole = e.roundDown(product.depth, depth);
    e.loop(e.index(0), whole, depth,
           [&](Value k) { addRows(rows, k, depth, first, end); });
    e.loop(whole, product.depth, 1,
           [&](Value k) { addRows(rows, k, 1, first, end); });
  });
}

void FewRowsProduct::clear(ValueRange rows, Value first, Value end) {
  VectorEmitter &e = emitter;
  e.overColumns(first, end, [&](Value column, Value mask) {
    for (Value row : rows)
      e.store(e.zeros(), product.result.memory, product.result.at(row, column),
              mask);
  });
}

void FewRowsProduct::addRows(ValueRange rows, Value k, int64_t depth,
                             Value first, Value end) {
  VectorEmitter &e = emitter;
  SmallVector<SmallVector<Value>> factors;
  for (Value row : rows) {
    factors.emplace_back();
    for (int64_t i = 0; i < depth; ++i)
      factors.back().push_back(e.splat(e.loadScalar(
          product.left.memory, product.left.at(row, e.add(k, i)))));
  }
  e.overColumns(first, end, [&](Value column, Value mask) {
    SmallVector<Value> numbers;
    for (int64_t i = 0; i < depth; ++i)
      numbers.push_back(e.load(product.right.memory,
                               product.right.at(e.add(k, i), column), mask));
    // All results are loaded before any is stored: rows behind the last one
    // are that row again and may not count twice.
    SmallVector<Value> sums;
    for (auto [row, factor] : llvm::zip(rows, factors)) {
      Value sum =
          e.load(product.result.memory, product.result.at(row, column), mask);
      for (int64_t i = 0; i < depth; ++i)
        sum = e.mulAdd(factor[i], numbers[i], sum);
      sums.push_back(sum);
    }
    for (auto [row, sum] : llvm::zip(rows, sums))
      e.store(sum, product.result.memory, product.result.at(row, column), mask);
  });
}

/// Sums of a panel that do not wait for each other.
static constexpr int64_t kPanelSteps = 4;
/// Numbers of a panel that are asked for ahead of use.
static constexpr int64_t kPanelAhead = 1024;
/// Panels of a task: enough for it to pay.
static constexpr int64_t kTaskPanels = 8;

/// A panel is read once, from its beginning to its end, for a tile of results.
static void emitPanel(VectorEmitter &e, const Product &product, Value column) {
  int64_t vectors = e.cpu.tileVectors();
  PanelTile panel(e, product.right, e.index(0), column);
  auto addRow = [&](Value k, ValueRange sums, SmallVectorImpl<Value> &next) {
    Value factor = e.splat(
        e.loadScalar(product.left.memory, product.left.at(e.index(0), k)));
    for (int64_t j = 0; j < vectors; ++j) {
      panel.prefetch(e.add(k, kPanelAhead / e.cpu.tileColumns()), j);
      next.push_back(e.mulAdd(factor, panel.load(k, j), sums[j]));
    }
  };
  Value whole = e.roundDown(product.depth, kPanelSteps);
  SmallVector<Value> zeros(kPanelSteps * vectors, e.zeros());
  SmallVector<Value> parts = e.loop(
      e.index(0), whole, kPanelSteps, zeros, [&](Value k, ValueRange sums) {
        SmallVector<Value> next;
        for (int64_t step = 0; step < kPanelSteps; ++step)
          addRow(e.add(k, step), sums.slice(step * vectors, vectors), next);
        return next;
      });
  SmallVector<Value> sums(ArrayRef(parts).take_front(vectors));
  for (int64_t i = vectors; i < int64_t(parts.size()); ++i)
    sums[i % vectors] = e.addFloats(sums[i % vectors], parts[i]);
  sums = e.loop(whole, product.depth, 1, sums, [&](Value k, ValueRange sums) {
    SmallVector<Value> next;
    addRow(k, sums, next);
    return next;
  });
  for (auto [j, sum] : llvm::enumerate(sums)) {
    Value at = e.add(column, j * e.lanes());
    SmallVector<Value> place = product.result.at(e.index(0), at);
    Value mask = e.firstLanes(e.sub(product.columns, at));
    if (product.accumulates)
      sum = e.addFloats(e.load(product.result.memory, place, mask), sum);
    e.store(sum, product.result.memory, place, mask);
  }
}

void effattn::emitPanelRowProduct(VectorEmitter &emitter,
                                  const Product &product) {
  VectorEmitter &e = emitter;
  Value step = e.index(kTaskPanels * e.cpu.tileColumns());
  Value tasks = ceilDivide(e, product.columns, step);
  // There may be no row.
  Value some = e.mul(tasks, product.rows);
  product.overTasks(e, some, [&](ValueRange task) {
    Value first = e.mul(task[0], step);
    Value end = e.min(e.add(first, step), product.columns);
    e.loop(first, end, e.cpu.tileColumns(),
           [&](Value column) { emitPanel(e, product, column); });
  });
}

void effattn::emitFewRowsProduct(VectorEmitter &emitter,
                                 const Product &product) {
  FewRowsProduct(emitter, product).emit();
}
