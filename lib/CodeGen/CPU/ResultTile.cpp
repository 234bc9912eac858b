//===- ResultTile.cpp - Some rows by some vectors of a product ------------===//
#include "ResultTile.h"

using namespace mlir;
using namespace mlir::effattn;

ResultTile::ResultTile(VectorEmitter &emitter, const Product &product,
                       Value row, Value column, int64_t vectors, bool hangsOver)
    : emitter(emitter), product(product), rowCount(emitter.cpu.tileRows()),
      vectorCount(vectors), hangsOver(hangsOver), row(row), column(column) {}

Value ResultTile::rowAt(int64_t i) {
  Value last = emitter.sub(product.rows, emitter.index(1));
  return emitter.min(emitter.add(row, i), last);
}

SmallVector<Value> ResultTile::columnMasks() {
  SmallVector<Value> masks(vectorCount);
  if (!hangsOver)
    return masks;
  Value left = emitter.sub(product.columns, column);
  for (auto [j, mask] : llvm::enumerate(masks))
    mask = emitter.firstLanes(
        emitter.sub(left, emitter.index(j * emitter.lanes())));
  return masks;
}

SmallVector<Value>
ResultTile::sum(Value depth, function_ref<Value(int64_t i, Value k)> left,
                function_ref<Value(Value k, int64_t j)> right) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value k, ValueRange sums) {
    SmallVector<Value> numbers, next;
    for (int64_t j = 0; j < vectorCount; ++j)
      numbers.push_back(right(k, j));
    for (int64_t i = 0; i < rowCount; ++i) {
      Value factor = left(i, k);
      for (Value some : numbers)
        next.push_back(e.addProducts(factor, some, sums[next.size()]));
    }
    return next;
  };
  SmallVector<Value> zeros(rowCount * vectorCount, e.zeros());
  return e.loop(e.index(0), depth, 1, zeros, addOne);
}

void ResultTile::prefetch() {
  for (int64_t i = 0; i < rowCount; ++i) {
    Value row = rowAt(i);
    for (int64_t j = 0; j < vectorCount; ++j)
      emitter.prefetch(product.result.memory,
                       product.result.at(row, columnAt(j)), /*isWrite=*/true);
  }
}

void ResultTile::storeRow(int64_t i, ValueRange sums, ValueRange masks,
                          bool adds) {
  Value results = product.result.memory, number = emitter.add(row, i);
  for (auto [j, mask] : llvm::enumerate(masks)) {
    Value sum = sums[i * vectorCount + j];
    SmallVector<Value> at = product.result.at(number, columnAt(j));
    if (adds)
      sum = emitter.addFloats(emitter.load(results, at, mask), sum);
    emitter.store(sum, results, at, mask);
  }
}

void ResultTile::storeRows(ValueRange sums, bool adds) {
  VectorEmitter &e = emitter;
  SmallVector<Value> masks = columnMasks();
  auto storeAll = [&] {
    for (int64_t i = 0; i < rowCount; ++i)
      storeRow(i, sums, masks, adds);
  };
  auto storeSome = [&] {
    for (int64_t i = 0; i < rowCount; ++i)
      e.choose(e.lessThan(e.add(row, i), product.rows),
               [&] { storeRow(i, sums, masks, adds); });
  };
  e.choose(e.lessEqual(e.index(rowCount), e.sub(product.rows, row)), storeAll,
           storeSome);
}

void ResultTile::store(ValueRange sums, Value start) {
  VectorEmitter &e = emitter;
  if (product.accumulates)
    return storeRows(sums, /*adds=*/true);
  e.choose(
      e.lessThan(e.index(0), start), [&] { storeRows(sums, /*adds=*/true); },
      [&] { storeRows(sums, /*adds=*/false); });
}
