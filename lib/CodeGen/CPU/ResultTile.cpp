//===- ResultTile.cpp - Some rows by some vectors of a product ------------===//
#include "ResultTile.h"

using namespace mlir;
using namespace mlir::effattn;

ResultTile::ResultTile(VectorEmitter &emitter, const Product &product,
                       Value row, Value column)
    : emitter(emitter), product(product), cpu(emitter.cpu), row(row),
      column(column) {}

Value ResultTile::rowAt(int64_t i) {
  Value last = emitter.sub(product.rows, emitter.index(1));
  return emitter.min(emitter.add(row, i), last);
}

Value ResultTile::isWhole() {
  VectorEmitter &e = emitter;
  return emit::logicalAnd(
      e.builder, e.loc,
      e.lessEqual(e.index(cpu.tileColumns()), e.sub(product.columns, column)),
      e.lessEqual(e.index(cpu.tileRows()), e.sub(product.rows, row)));
}

SmallVector<Value> ResultTile::columnMasks() {
  SmallVector<Value> masks;
  Value left = emitter.sub(product.columns, column);
  for (int64_t j = 0; j < cpu.tileVectors(); ++j)
    masks.push_back(emitter.firstLanes(
        emitter.sub(left, emitter.index(j * emitter.lanes()))));
  return masks;
}

SmallVector<Value>
ResultTile::sum(Value depth, function_ref<Value(int64_t i, Value k)> left,
                function_ref<Value(Value k, int64_t j)> right) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value k, ValueRange sums) {
    SmallVector<Value> row, next;
    for (int64_t j = 0; j < cpu.tileVectors(); ++j)
      row.push_back(right(k, j));
    for (int64_t i = 0; i < cpu.tileRows(); ++i) {
      Value factor = e.splat(left(i, k));
      for (Value numbers : row)
        next.push_back(e.mulAdd(factor, numbers, sums[next.size()]));
    }
    return next;
  };
  SmallVector<Value> zeros(cpu.tileRows() * cpu.tileVectors(), e.zeros());
  return e.loop(e.index(0), depth, 1, zeros, addOne);
}

void ResultTile::visit(
    ValueRange masks,
    function_ref<void(unsigned number, ValueRange at, Value mask)> body) {
  VectorEmitter &e = emitter;
  for (int64_t i = 0; i < cpu.tileRows(); ++i) {
    Value at = e.add(row, i), isRow;
    if (!masks.empty()) {
      isRow = e.lessThan(at, product.rows);
      // The address of a row that does not exist is not formed.
      at = rowAt(i);
    }
    for (int64_t j = 0; j < cpu.tileVectors(); ++j) {
      Value mask;
      if (!masks.empty())
        mask = emit::select(e.builder, e.loc, isRow, masks[j],
                            e.firstLanes(e.index(0)));
      body(i * cpu.tileVectors() + j, product.result.at(at, columnAt(j)), mask);
    }
  }
}

void ResultTile::prefetch() {
  for (int64_t i = 0; i < cpu.tileRows(); ++i) {
    Value row = rowAt(i);
    for (int64_t j = 0; j < cpu.tileVectors(); ++j)
      emitter.prefetch(product.result.memory,
                       product.result.at(row, columnAt(j)), /*isWrite=*/true);
  }
}

void ResultTile::add(ValueRange sums, ValueRange masks) {
  Value results = product.result.memory;
  visit(masks, [&](unsigned number, ValueRange at, Value mask) {
    Value before = emitter.load(results, at, mask);
    emitter.store(emitter.addFloats(before, sums[number]), results, at, mask);
  });
}

void ResultTile::replace(ValueRange sums, ValueRange masks) {
  visit(masks, [&](unsigned number, ValueRange at, Value mask) {
    emitter.store(sums[number], product.result.memory, at, mask);
  });
}

void ResultTile::store(ValueRange sums, Value start) {
  VectorEmitter &e = emitter;
  auto storeMasked = [&](ValueRange masks) {
    if (product.accumulates)
      return add(sums, masks);
    e.choose(
        e.lessThan(e.index(0), start), [&] { add(sums, masks); },
        [&] { replace(sums, masks); });
  };
  e.choose(
      isWhole(), [&] { storeMasked({}); }, [&] { storeMasked(columnMasks()); });
}
