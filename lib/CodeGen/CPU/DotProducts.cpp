//===- DotProducts.cpp - Products bound by reading columns ----------------===//
#include "Product.h"

using namespace mlir;
using namespace mlir::effattn;

/// Columns of the right factor read at once, each a stream of its own.
static constexpr int64_t kStreams = 4;
/// Groups of streams of a task.
static constexpr int64_t kTaskGroups = 16;

namespace {
/// Every result is the sum of a vector of partial sums.
class DotProducts {
public:
  DotProducts(VectorEmitter &emitter, const Product &product)
      : emitter(emitter), product(product) {}

  void emit();

private:
  void emitGroup(Value column, int64_t rowCount);
  SmallVector<Value> addTerms(ValueRange rows, ValueRange columns, Value k,
                              Value mask, ValueRange sums);

  VectorEmitter &emitter;
  const Product &product;
};
} // namespace

void DotProducts::emit() {
  VectorEmitter &e = emitter;
  Value tasks = e.ceilDiv(product.columns, kStreams * kTaskGroups);
  product.overTasks(e, tasks, [&](ValueRange task) {
    Value first = e.mul(task[0], kStreams * kTaskGroups);
    Value end = e.min(e.add(first, kStreams * kTaskGroups), product.columns);
    e.loop(first, end, kStreams, [&](Value column) {
      e.choose(
          e.lessEqual(product.rows, e.index(1)), [&] { emitGroup(column, 1); },
          [&] { emitGroup(column, 2); });
    });
  });
}

void DotProducts::emitGroup(Value column, int64_t rowCount) {
  VectorEmitter &e = emitter;
  Value lastRow = e.sub(product.rows, e.index(1));
  Value lastColumn = e.sub(product.columns, e.index(1));
  // Behind the last row or column, that one is computed again.
  SmallVector<Value> columns;
  for (int64_t i = 0; i < kStreams; ++i)
    columns.push_back(e.min(e.add(column, i), lastColumn));
  e.loop(e.index(0), product.rows, rowCount, [&](Value row) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < rowCount; ++i)
      rows.push_back(e.min(e.add(row, i), lastRow));
    Value whole = e.roundDown(product.depth, e.lanes());
    SmallVector<Value> zeros(rowCount * kStreams, e.zeros());
    SmallVector<Value> sums = e.loop(
        e.index(0), whole, e.lanes(), zeros, [&](Value k, ValueRange carried) {
          return addTerms(rows, columns, k, {}, carried);
        });
    Value mask = e.firstLanes(e.sub(product.depth, whole));
    sums = addTerms(rows, columns, whole, mask, sums);
    SmallVector<Value> results;
    for (Value sum : sums)
      results.push_back(e.sum(sum));
    if (product.accumulates)
      for (unsigned i = 0; i < results.size(); ++i)
        results[i] = e.addFloats(
            results[i], e.loadScalar(product.result.memory,
                                     product.result.at(rows[i / kStreams],
                                                       columns[i % kStreams])));
    for (unsigned i = 0; i < results.size(); ++i)
      e.storeScalar(
          results[i], product.result.memory,
          product.result.at(rows[i / kStreams], columns[i % kStreams]));
  });
}

/// The partial sums with a vector of terms more, row by row.
SmallVector<Value> DotProducts::addTerms(ValueRange rows, ValueRange columns,
                                         Value k, Value mask, ValueRange sums) {
  VectorEmitter &e = emitter;
  SmallVector<Value> right, next;
  for (Value column : columns)
    right.push_back(
        e.load(product.right.memory, product.right.at(k, column), mask));
  for (Value row : rows) {
    Value left = e.load(product.left.memory, product.left.at(row, k), mask);
    for (Value numbers : right)
      next.push_back(e.mulAdd(left, numbers, sums[next.size()]));
  }
  return next;
}

void effattn::emitDotProducts(VectorEmitter &emitter, const Product &product) {
  DotProducts(emitter, product).emit();
}
