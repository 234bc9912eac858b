//===- TensorProducts.cpp - The products of attention on tensor cores -----===//
#include "AttentionProducts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kRows = TensorCores::kRows,
                         kColumns = TensorCores::kColumns;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Of rows of all widths, keys are loaded as matrices, and values of f32 number
/// by number from every second row.
static constexpr bool areBanksSpread() {
  for (int64_t bytes = TensorCores::kDepthBytes; bytes <= 512;
       bytes += TensorCores::kDepthBytes)
    if (!TensorCores::spreadsMatrices(TensorCores::rowBytes(bytes)) ||
        !TensorCores::spreadsNumbers(2, TensorCores::rowBytes(bytes)))
      return false;
  return true;
}
static_assert(areBanksSpread(), "loads from shared memory must not collide");

bool TensorProducts::fit(Value query, Value key, Value value, bool tf32) {
  auto typeOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()); };
  Type element = typeOf(query).getElementType();
  int64_t widest = element.isF32() ? 128 : 256;
  auto fits = [&](Value buffer) {
    int64_t width = typeOf(buffer).getDimSize(3);
    return width >= 1 && width <= widest;
  };
  return TensorCores::supports(element, tf32) &&
         typeOf(key).getElementType() == element &&
         typeOf(value).getElementType() == element && fits(query) &&
         fits(value);
}

int64_t TensorProducts::Shape::keyBytes() const {
  return tileKeys * rowBytes(width);
}

int64_t TensorProducts::Shape::stageBytes() const {
  return keyBytes() + tileKeys * rowBytes(valueWidth);
}

int64_t TensorProducts::Shape::queryBytes() const {
  return tileQueries() * rowBytes(width);
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
      element(cast<MemRefType>(operands.query.getType()).getElementType()),
      cores(emitter, element) {
  shared = cores.sharedAddress(0);
  int64_t rowBytes = shape.rowBytes(shape.width);
  auto rowOf = [&](Value row, int64_t bytes) {
    Value offset = emit::fromIndex(e.builder, e.loc, e.mul(row, bytes),
                                   e.builder.getI64Type());
    return cores.advance(shared, offset);
  };
  queryAddress = cores.leftAddress(
      cores.advance(rowOf(warpQuery(), rowBytes), shape.firstQueryByte()),
      rowBytes);
  keyAddress = cores.rightAddress(rowOf(warpKey(), rowBytes), rowBytes);
  valueAddress = findValues(cores.advance(
      rowOf(warpKey(), shape.rowBytes(shape.valueWidth)), shape.keyBytes()));
}

/// A left factor of tf32 takes its columns from sums, of which a lane has
/// neighbours: keys 2t and 2t + 1 are its columns t and t + 4, and rows t and
/// t + 4 of values, too.
Value TensorProducts::findValues(Value first) {
  int64_t rowBytes = shape.rowBytes(shape.valueWidth);
  if (!isRounded())
    return cores.leftAddress(first, rowBytes);
  Value lane = e.lane();
  return cores.numberAddress(first, e.mul(e.remainder(lane, 4), 2),
                             e.quotient(lane, 4), rowBytes);
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
  int64_t copies = width / copiedAtOnce(), lanes = llvm::PowerOf2Ceil(copies);
  int64_t step = shape.threads() / lanes;
  Value part = e.remainder(e.thread(), lanes);
  Value first = e.quotient(e.thread(), lanes);
  Type i64 = e.builder.getI64Type();
  Value inRow = emit::fromIndex(e.builder, e.loc,
                                e.mul(part, TensorCores::kCopyBytes), i64);
  Value start = cores.advance(
      to, e.add(emit::fromIndex(e.builder, e.loc,
                                e.mul(first, shape.rowBytes(width)), i64),
                inRow));
  auto copyAll = [&] {
    for (int64_t i = 0; i * step < rows; ++i) {
      auto [address, exists] = locate(first, i, step);
      if (copied < width)
        exists =
            emit::logicalAnd(e.builder, e.loc, exists,
                             e.isBelow(part, e.index(copied / copiedAtOnce())));
      Value from = e.add(address, inRow);
      Value into = cores.advance(start, i * step * shape.rowBytes(width));
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
    for (int64_t d = 0; d < shape.width; d += depth())
      keptQueries.push_back(
          cores.load(cores.advance(queryAddress, d * shape.elementBytes)));
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
      cores.advance(queryAddress, step * TensorCores::kDepthBytes));
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
  for (int64_t d = 0; d < shape.width; d += depth()) {
    SmallVector<Value> query = queryWords(d / depth());
    for (int64_t key = 0; key < keyColumns(); key += 2) {
      SmallVector<Value> words = cores.load(
          cores.advance(start, key * kColumns * shape.rowBytes(shape.width) +
                                   d * shape.elementBytes));
      for (int64_t half : {0, 1})
        sums[key + half] = cores.multiply(
            query, ValueRange(words).slice(2 * half, 2), sums[key + half]);
    }
  }
  return joinRows(sums);
}

/// Two products side by side are a left factor of 16 columns, one is one of
/// tf32.
SmallVector<Value>
TensorProducts::weightWords(ArrayRef<SmallVector<Value>> weights) {
  SmallVector<Value> words;
  for (const SmallVector<Value> &half : weights)
    if (isRounded())
      for (int64_t i : {0, 2, 1, 3})
        words.push_back(cores.round(half[i]));
    else
      words.append(
          {cores.pack(half[0], half[1]), cores.pack(half[2], half[3])});
  return words;
}

SmallVector<Value> TensorProducts::valueWords(Value start, int64_t key,
                                              int64_t column) {
  int64_t rowBytes = shape.rowBytes(shape.valueWidth);
  Value first =
      cores.advance(start, key * kColumns * rowBytes +
                               column * kColumns * shape.elementBytes);
  if (!isRounded())
    return cores.loadTransposed(first);
  SmallVector<Value> words;
  for (int64_t half : {0, 1})
    for (int64_t row : {0, 1})
      words.push_back(cores.loadNumber(cores.advance(
          first, row * rowBytes + half * kColumns * shape.elementBytes)));
  return words;
}

SmallVector<Value> TensorProducts::addValues(const KeyTile &,
                                             ValueRange weights,
                                             ValueRange before) {
  SmallVector<SmallVector<Value>> sums = splitRows(before),
                                  weight = splitRows(weights);
  Value start = cores.advance(valueAddress, stage);
  int64_t keysAtOnce = depth() / kColumns;
  for (int64_t key = 0; key < keyColumns(); key += keysAtOnce) {
    SmallVector<Value> left =
        weightWords(ArrayRef(weight).slice(key, keysAtOnce));
    for (int64_t column = 0; column < valueColumns(); column += 2) {
      SmallVector<Value> words = valueWords(start, key, column);
      for (int64_t half : {0, 1})
        sums[column + half] = cores.multiply(
            left, ValueRange(words).slice(2 * half, 2), sums[column + half]);
    }
  }
  return joinRows(sums);
}
