//===- FloatProducts.cpp - The products of attention in f32 ---------------===//
#include "AttentionProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Numbers of a row that are loaded from shared memory at once, and by which
/// rows there are longer: eight neighbouring lanes that load 16 bytes of their
/// rows each touch different banks.
static constexpr int64_t kVector = 4;
/// Columns of queries and keys in shared memory.
static constexpr int64_t kDepth = 32;
static constexpr int64_t kBytes = 4;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

int64_t FloatProducts::Shape::weightBytes() const {
  return tileQueries() * (kTileKeys + kVector) * kBytes;
}

int64_t FloatProducts::Shape::sharedBytes() const {
  // Queries and keys, then values.
  int64_t factors = (tileQueries() + kTileKeys) * (kDepth + kVector) * kBytes;
  int64_t values = kTileKeys * kTileColumns * kBytes;
  return weightBytes() + std::max(factors, values);
}

//===----------------------------------------------------------------------===//
// What a thread has
//===----------------------------------------------------------------------===//

FloatProducts::FloatProducts(KernelEmitter &emitter, const Operands &operands,
                             Shape shape)
    : AttentionProducts(emitter, operands), shape(shape) {
  Type f32 = e.builder.getF32Type();
  int64_t first = shape.weightBytes(), rows = shape.tileQueries();
  auto make = [&](int64_t byte, int64_t count, int64_t width) {
    return e.dynamicShared(byte, {count, width}, f32);
  };
  weights = make(0, rows, kTileKeys + kVector);
  queryPart = make(first, rows, kDepth + kVector);
  keyPart = make(first + rows * (kDepth + kVector) * kBytes, kTileKeys,
                 kDepth + kVector);
  values = make(first, kTileKeys, kTileColumns);
}

/// Threads that share queries are neighbours.
Value FloatProducts::across() {
  return e.remainder(e.thread(), shape.keyThreads);
}

Value FloatProducts::queryAt(int64_t i) {
  Value group = e.quotient(e.thread(), shape.keyThreads);
  return e.add(e.mul(group, queries()), i);
}

Value FloatProducts::keyAt(int64_t i) {
  return e.add(across(), i * shape.keyThreads);
}

Value FloatProducts::columnAt(int64_t i) {
  return e.add(e.mul(across(), columns()), i);
}

ArrayRef<int64_t> FloatProducts::keyLanes() const {
  static constexpr int64_t lanes[] = {1, 2, 4, 8, 16};
  return ArrayRef(lanes).take_front(shape.keyThreads == 16 ? 4 : 5);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// Fills rows of shared memory with columns from `first` on, and with zeros
/// where there are none; a warp a row at a time.
void FloatProducts::fill(
    Value to, Value source, Value first,
    function_ref<std::pair<SmallVector<Value>, Value>(Value row)> locate) {
  auto type = cast<MemRefType>(to.getType());
  int64_t width = std::min<int64_t>(type.getDimSize(1), kTileColumns) /
                  kWarpThreads * kWarpThreads;
  Value end = e.size(source, 3), zero = emit::f32(e.builder, e.loc, 0);
  e.loop(e.warp(), e.index(type.getDimSize(0)), e.warps(), [&](Value row) {
    auto [leading, exists] = locate(row);
    for (int64_t c = 0; c < width; c += kWarpThreads) {
      Value place = e.add(e.lane(), c), column = e.add(first, place);
      SmallVector<Value> at(leading);
      at.push_back(column);
      Value isThere =
          emit::logicalAnd(e.builder, e.loc, exists, e.lessThan(column, end));
      Value number = e.choose(
          isThere, e.builder.getF32Type(),
          [&]() -> SmallVector<Value> { return {e.loadFloat(source, at)}; },
          [&]() -> SmallVector<Value> { return {zero}; })[0];
      e.storeFloat(number, to, {row, place});
    }
  });
}

void FloatProducts::fillWithKeys(Value to, Value source, Value first,
                                 const KeyTile &tile) {
  const BlockQueries &queries = operands.queries;
  fill(to, source, first, [&](Value place) {
    SmallVector<Value> at{queries.batch, queries.group,
                          operands.rowOf(tile, place)};
    return std::pair(at, operands.exists(tile, place));
  });
}

void FloatProducts::fillWithQueries(Value to, Value first) {
  const BlockQueries &queries = operands.queries;
  fill(to, operands.query, first, [&](Value slot) {
    auto [head, row] = queries.at(e, slot);
    return std::pair(SmallVector<Value>{queries.batch, head, row},
                     e.isBelow(slot, queries.count));
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

SmallVector<Value> FloatProducts::multiplyKeys(const KeyTile &tile) {
  SmallVector<Value> sums(queries() * keys(), emit::f32(e.builder, e.loc, 0));
  Value width = e.size(operands.query, 3);
  auto multiplyPart = [&](Value d, ValueRange carried) {
    SmallVector<Value> next(carried);
    SmallVector<SmallVector<Value>> left, right;
    for (int64_t q = 0; q < queries(); ++q)
      left.push_back(e.loadFloats(queryPart, {queryAt(q), d}, kVector));
    for (int64_t k = 0; k < keys(); ++k)
      right.push_back(e.loadFloats(keyPart, {keyAt(k), d}, kVector));
    for (int64_t q = 0; q < queries(); ++q)
      for (int64_t k = 0; k < keys(); ++k)
        for (int64_t i = 0; i < kVector; ++i) {
          Value &sum = next[q * keys() + k];
          sum = e.mulAdd(left[q][i], right[k][i], sum);
        }
    return next;
  };
  return e.loop(e.index(0), width, kDepth, sums,
                [&](Value first, ValueRange carried) {
                  // Nobody reads what was there before any more.
                  e.barrier();
                  fillWithQueries(queryPart, first);
                  fillWithKeys(keyPart, operands.key, first, tile);
                  e.barrier();
                  return e.loop(e.index(0), e.index(kDepth), kVector, carried,
                                multiplyPart);
                });
}

SmallVector<Value> FloatProducts::addValues(const KeyTile &tile,
                                            ValueRange found, ValueRange sums) {
  e.barrier();
  for (int64_t q = 0; q < queries(); ++q)
    for (int64_t k = 0; k < keys(); ++k)
      e.storeFloat(found[q * keys() + k], weights, {queryAt(q), keyAt(k)});
  fillWithKeys(values, operands.value, operands.firstColumn, tile);
  e.barrier();
  return e.loop(
      e.index(0), e.index(kTileKeys), kVector, sums,
      [&](Value first, ValueRange carried) {
        SmallVector<Value> next(carried);
        SmallVector<SmallVector<Value>> left;
        for (int64_t q = 0; q < queries(); ++q)
          left.push_back(e.loadFloats(weights, {queryAt(q), first}, kVector));
        for (int64_t i = 0; i < kVector; ++i) {
          SmallVector<Value> right =
              e.loadFloats(values, {e.add(first, i), columnAt(0)}, columns());
          for (int64_t q = 0; q < queries(); ++q)
            for (int64_t c = 0; c < columns(); ++c) {
              Value &sum = next[q * columns() + c];
              sum = e.mulAdd(left[q][i], right[c], sum);
            }
        }
        return next;
      });
}
