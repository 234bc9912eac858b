//===- TensorProducts.cpp - The products of attention on tensor cores -----===//
#include "AttentionProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kRows = TensorCores::kRows,
                         kColumns = TensorCores::kColumns,
                         kCopied = TensorCores::kCopyBytes /
                                   TensorCores::kElementBytes;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

bool TensorProducts::fit(Value query, Value key, Value value) {
  constexpr int64_t widest = 256;
  auto typeOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()); };
  auto fits = [&](Value buffer) {
    int64_t width = typeOf(buffer).getDimSize(3);
    return width >= 1 && width <= widest;
  };
  Type element = typeOf(query).getElementType();
  return TensorCores::supports(element) &&
         typeOf(key).getElementType() == element &&
         typeOf(value).getElementType() == element && fits(query) &&
         fits(value);
}

int64_t TensorProducts::Shape::keyBytes() const {
  return tileKeys * TensorCores::rowBytes(width);
}

int64_t TensorProducts::Shape::stageBytes() const {
  return keyBytes() + tileKeys * TensorCores::rowBytes(valueWidth);
}

int64_t TensorProducts::Shape::queryBytes() const {
  return tileQueries() * TensorCores::rowBytes(width);
}

int64_t TensorProducts::Shape::sharedBytes() const {
  // At the end, warps with other keys exchange their sums, and up to four more
  // numbers of each of two queries.
  int64_t sums =
      keyWarps > 1 ? threads() * (valueWidth / kColumns + 2) * 4 * 4 : 0;
  return std::max({2 * stageBytes(), firstQueryByte() + queryBytes(), sums});
}

//===----------------------------------------------------------------------===//
// What a thread has
//===----------------------------------------------------------------------===//

TensorProducts::TensorProducts(KernelEmitter &emitter, const Operands &operands,
                               Shape shape)
    : AttentionProducts(emitter, operands), shape(shape),
      cores(emitter,
            cast<MemRefType>(operands.query.getType()).getElementType()) {
  shared = cores.sharedAddress(0);
  auto at = [&](Value row, int64_t width) {
    return e.mul(row, TensorCores::rowBytes(width));
  };
  auto moved = [&](Value offset) {
    return cores.advance(shared, emit::fromIndex(e.builder, e.loc, offset,
                                                 e.builder.getI64Type()));
  };
  queryAddress =
      cores.leftAddress(cores.advance(moved(at(warpQuery(), shape.width)),
                                      shape.firstQueryByte()),
                        shape.width);
  keyAddress =
      cores.rightAddress(moved(at(warpKey(), shape.width)), shape.width);
  valueAddress = cores.leftAddress(
      cores.advance(moved(at(warpKey(), shape.valueWidth)), shape.keyBytes()),
      shape.valueWidth);
}

/// Warps along keys are neighbours.
Value TensorProducts::warpQuery() {
  return e.mul(e.quotient(e.warp(), shape.keyWarps), kRows);
}

Value TensorProducts::warpKey() {
  return e.mul(e.remainder(e.warp(), shape.keyWarps),
               shape.tileKeys / shape.keyWarps);
}

Value TensorProducts::queryAt(int64_t i) {
  return e.add(e.add(warpQuery(), e.quotient(e.lane(), 4)), i * 8);
}

/// Of right factors side by side.
static Value columnOfLane(KernelEmitter &e, int64_t i) {
  return e.add(e.mul(e.remainder(e.lane(), 4), 2), i / 2 * kColumns + i % 2);
}

Value TensorProducts::keyAt(int64_t i) {
  return e.add(warpKey(), columnOfLane(e, i));
}

Value TensorProducts::columnAt(int64_t i) { return columnOfLane(e, i); }

Value TensorProducts::reach(Value count) { return e.mul(count, kColumns / 2); }

ArrayRef<int64_t> TensorProducts::keyLanes() const {
  static constexpr int64_t lanes[] = {1, 2};
  return lanes;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void TensorProducts::copyRows(
    Value to, int64_t rows, int64_t width, int64_t copied,
    function_ref<std::pair<Value, Value>(Value, int64_t, int64_t)> locate) {
  int64_t copies = width / kCopied, lanes = llvm::PowerOf2Ceil(copies);
  int64_t step = shape.threads() / lanes;
  Value part = e.remainder(e.thread(), lanes);
  Value first = e.quotient(e.thread(), lanes);
  Type i64 = e.builder.getI64Type();
  Value inRow = emit::fromIndex(e.builder, e.loc,
                                e.mul(part, TensorCores::kCopyBytes), i64);
  Value start = cores.advance(
      to,
      e.add(emit::fromIndex(e.builder, e.loc,
                            e.mul(first, TensorCores::rowBytes(width)), i64),
            inRow));
  auto copyAll = [&] {
    for (int64_t i = 0; i * step < rows; ++i) {
      auto [address, exists] = locate(first, i, step);
      if (copied < width)
        exists = emit::logicalAnd(e.builder, e.loc, exists,
                                  e.isBelow(part, e.index(copied / kCopied)));
      Value from = e.add(address, inRow);
      Value into =
          cores.advance(start, i * step * TensorCores::rowBytes(width));
      auto copyOne = [&, exists = exists] { cores.copy(into, from, exists); };
      if ((i + 1) * step <= rows)
        copyOne();
      else
        e.choose(e.isBelow(first, e.index(rows - i * step)), copyOne);
    }
  };
  if (copies == lanes)
    copyAll();
  else
    e.choose(e.lessThan(part, e.index(copies)), copyAll);
}

void TensorProducts::copyQueries() {
  const BlockQueries &queries = operands.queries;
  copyRows(cores.advance(shared, shape.firstQueryByte()), shape.tileQueries(),
           shape.width, shape.copiedWidth,
           [&](Value first, int64_t i, int64_t step) {
             Value slot = e.add(first, i * step);
             auto [head, row] = queries.at(e, slot);
             return std::pair(cores.globalAddress(operands.query,
                                                  {queries.batch, head, row}),
                              e.isBelow(slot, queries.count));
           });
}

void TensorProducts::copyKeyRows(Value source, const KeyTile &tile, Value to,
                                 int64_t width, int64_t copied) {
  const BlockQueries &queries = operands.queries;
  auto address = [&](Value row) {
    return cores.globalAddress(source, {queries.batch, queries.group, row});
  };
  copyRows(to, shape.tileKeys, width, copied,
           [&](Value first, int64_t i, int64_t step) {
             Value place = e.add(first, i * step);
             return std::pair(address(operands.rowOf(tile, place)),
                              operands.exists(tile, place));
           });
}

void TensorProducts::copyTile(const KeyTile &tile, Value stage) {
  Value at = cores.advance(shared, stage);
  copyKeyRows(operands.key, tile, at, shape.width, shape.copiedWidth);
  copyKeyRows(operands.value, tile, cores.advance(at, shape.keyBytes()),
              shape.valueWidth, shape.copiedValueWidth);
}

void TensorProducts::begin(const KeyTile &first) {
  copyQueries();
  cores.closeGroup();
  Value start = arith::ConstantIntOp::create(e.builder, e.loc, 0, 64);
  copyTile(first, start);
  cores.closeGroup();
  cores.waitForGroups(1);
  e.barrier();
  if (shape.keepsQueries())
    for (int64_t d = 0; d < shape.width; d += kRows)
      keptQueries.push_back(cores.load(
          cores.advance(queryAddress, d * TensorCores::kElementBytes)));
}

/// Behind the barrier nobody reads the tile before any more, nor the queries
/// that were loaded from its place.
void TensorProducts::advance(Value number, const KeyTile &next) {
  cores.waitForGroups(0);
  e.barrier();
  auto stageOf = [&](Value number) {
    Value bytes = e.mul(e.remainder(number, 2), shape.stageBytes());
    return emit::fromIndex(e.builder, e.loc, bytes, e.builder.getI64Type());
  };
  stage = stageOf(number);
  e.choose(e.lessThan(e.index(0), next.count), [&] {
    copyTile(next, stageOf(e.add(number, 1)));
    cores.closeGroup();
  });
}

void TensorProducts::finish() {
  cores.waitForGroups(0);
  e.barrier();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

SmallVector<Value> TensorProducts::queryWords(int64_t step) {
  if (shape.keepsQueries())
    return keptQueries[step];
  return cores.load(
      cores.advance(queryAddress, step * kRows * TensorCores::kElementBytes));
}

/// Sums of a row of products, f32, as rows of the thread's numbers, and back.
static SmallVector<Value> joinRows(ArrayRef<SmallVector<Value>> products) {
  SmallVector<Value> rows;
  for (int64_t row : {0, 2})
    for (const SmallVector<Value> &product : products)
      rows.append({product[row], product[row + 1]});
  return rows;
}

static SmallVector<SmallVector<Value>> splitRows(ValueRange rows) {
  size_t count = rows.size() / 2;
  SmallVector<SmallVector<Value>> products;
  for (size_t i = 0; i < count; i += 2)
    products.push_back(
        {rows[i], rows[i + 1], rows[count + i], rows[count + i + 1]});
  return products;
}

SmallVector<Value> TensorProducts::multiplyKeys(const KeyTile &) {
  SmallVector<SmallVector<Value>> sums(
      keyColumns(), SmallVector<Value>(4, emit::f32(e.builder, e.loc, 0)));
  Value start = cores.advance(keyAddress, stage);
  for (int64_t d = 0; d < shape.width; d += kRows) {
    SmallVector<Value> query = queryWords(d / kRows);
    for (int64_t key = 0; key < keyColumns(); key += 2) {
      SmallVector<Value> words = cores.load(cores.advance(
          start, key * kColumns * TensorCores::rowBytes(shape.width) +
                     d * TensorCores::kElementBytes));
      for (int64_t half : {0, 1})
        sums[key + half] = cores.multiply(
            query, ValueRange(words).slice(2 * half, 2), sums[key + half]);
    }
  }
  return joinRows(sums);
}

SmallVector<Value> TensorProducts::addValues(const KeyTile &,
                                             ValueRange weights,
                                             ValueRange before) {
  SmallVector<SmallVector<Value>> sums = splitRows(before),
                                  weight = splitRows(weights);
  Value start = cores.advance(valueAddress, stage);
  for (int64_t key = 0; key < keyColumns(); key += 2) {
    // Two products side by side are a left factor.
    SmallVector<Value> left;
    for (const SmallVector<Value> &half : {weight[key], weight[key + 1]})
      left.append({cores.pack(half[0], half[1]), cores.pack(half[2], half[3])});
    for (int64_t column = 0; column < valueColumns(); column += 2) {
      SmallVector<Value> words = cores.loadTransposed(cores.advance(
          start, key * kColumns * TensorCores::rowBytes(shape.valueWidth) +
                     column * kColumns * TensorCores::kElementBytes));
      for (int64_t half : {0, 1})
        sums[column + half] = cores.multiply(
            left, ValueRange(words).slice(2 * half, 2), sums[column + half]);
    }
  }
  return joinRows(sums);
}
