//===- LaneSearch.cpp - The best slots of several rows, a row a lane ------===//
#include "LaneSearch.h"
#include "SortNetwork.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int32_t kHighestIndex = 0x7fffffff;

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

static VectorType integers(VectorEmitter &e) {
  return VectorType::get(e.lanes(), e.builder.getI32Type());
}

/// Half of the lanes, as wide.
static VectorType keyType(VectorEmitter &e) {
  return VectorType::get(e.lanes() / 2, e.builder.getF64Type());
}

static Value splatInteger(VectorEmitter &e, Value index) {
  Value number =
      emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type());
  return vector::BroadcastOp::create(e.builder, e.loc, integers(e), number);
}

static Value splatInteger(VectorEmitter &e, int32_t number) {
  return arith::ConstantOp::create(e.builder, e.loc,
                                   DenseElementsAttr::get(integers(e), number));
}

static Value bitsAs(VectorEmitter &e, VectorType type, Value vector) {
  return vector::BitCastOp::create(e.builder, e.loc, type, vector);
}

/// Keys of the first two lanes of each four, or of the others: one shuffle,
/// without a table of lanes on x86.
static Value makeKeys(VectorEmitter &e, Value numbers, Value indices,
                      bool ofOthers) {
  Value low = e.sub(splatInteger(e, kHighestIndex), indices);
  Value high = bitsAs(e, integers(e), numbers);
  SmallVector<int64_t> lanes;
  for (int64_t lane = ofOthers ? 2 : 0; lane < e.lanes(); lane += 4)
    lanes.append({lane, lane + e.lanes(), lane + 1, lane + 1 + e.lanes()});
  Value keys = vector::ShuffleOp::create(e.builder, e.loc, low, high, lanes);
  return bitsAs(e, keyType(e), keys);
}

/// Numbers and indices of both kinds of keys.
static std::pair<Value, Value> takeKeys(VectorEmitter &e, Value keys,
                                        Value others) {
  keys = bitsAs(e, integers(e), keys);
  others = bitsAs(e, integers(e), others);
  auto words = [&](int64_t word) -> Value {
    SmallVector<int64_t> lanes;
    for (int64_t lane = word; lane < e.lanes(); lane += 4)
      lanes.append({lane, lane + 2, lane + e.lanes(), lane + 2 + e.lanes()});
    return vector::ShuffleOp::create(e.builder, e.loc, keys, others, lanes);
  };
  return {bitsAs(e, e.vectorType(), words(1)),
          e.sub(splatInteger(e, kHighestIndex), words(0))};
}

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

LaneSearch::LaneSearch(VectorEmitter &e, DigitSoftmax &softmax,
                       FoundSlots &into)
    : e(e), softmax(softmax), into(into), kept(into.kept),
      width(llvm::PowerOf2Ceil(kept)) {
  int64_t end = 0;
  auto makeList = [&](int64_t size) {
    end += size;
    return List{end - size, size};
  };
  auto makePairs = [&](int64_t size) {
    return Pairs{makeList(size), makeList(size)};
  };
  chunk = makeList(std::max(width, e.lanes()));
  sums = makeList(e.lanes());
  for (List &keys : best)
    keys = makeList(width);
  values = makePairs(width);
  prefixes = makePairs(width);
  // The pairs of the first prefix are a list to be sorted of their own.
  int64_t others = 0;
  for (int64_t prefix = 1; prefix < kept; ++prefix)
    others += kept / (prefix + 1);
  pairs = makePairs(width + llvm::alignTo(others, width));
  OpFoldResult sizes[] = {e.fixed(end), e.fixed(e.lanes())};
  memory = e.scratch(sizes, e.builder.getF32Type());
  // Where no pair will be.
  fill(pairs.numbers, e.zeros());
  fill(pairs.indices, e.zeros());
}

Value LaneSearch::place(const List &list, Value number) {
  return e.add(number, list.first);
}

Value LaneSearch::load(const List &list, Value number) {
  return e.load(memory, {place(list, number), e.index(0)});
}

Value LaneSearch::loadIntegers(const List &list, Value number) {
  return bitsAs(e, integers(e), load(list, number));
}

Value LaneSearch::loadKeys(const List &list, Value number) {
  return bitsAs(e, keyType(e), load(list, number));
}

void LaneSearch::store(Value vector, const List &list, Value number) {
  if (vector.getType() != e.vectorType())
    vector = bitsAs(e, e.vectorType(), vector);
  e.store(vector, memory, {place(list, number), e.index(0)});
}

void LaneSearch::fill(const List &list, Value vector) {
  e.loop(e.index(0), e.index(list.size), 1,
         [&](Value number) { store(vector, list, number); });
}

//===----------------------------------------------------------------------===//
// The softmax of a digit
//===----------------------------------------------------------------------===//

/// The largest logit of each row. Rows are read as they lie, and only what is
/// left of each, a vector, is transposed.
Value LaneSearch::findLargest(Value digit) {
  SmallVector<Value> none(rows.size(), e.minusInfinity());
  SmallVector<Value> largest =
      e.overColumns(e.index(0), softmax.base(), none,
                    [&](Value column, Value mask, ValueRange sofar) {
                      SmallVector<Value> next;
                      for (auto [row, before] : llvm::zip(rows, sofar)) {
                        Value logits =
                            softmax.load(e, row, digit, column, mask);
                        if (mask)
                          logits = e.select(mask, logits, e.minusInfinity());
                        next.push_back(e.maxFloats(logits, before));
                      }
                      return next;
                    });
  e.transpose(largest);
  Value all = largest[0];
  for (Value some : ArrayRef<Value>(largest).drop_front())
    all = e.maxFloats(some, all);
  return all;
}

/// Values of the digit from `first` on, as many as a chunk has. Past the end
/// are logits without a probability.
void LaneSearch::readChunk(Value digit, Value first) {
  Value size = e.min(e.index(chunk.size), e.sub(softmax.base(), first));
  e.overColumns(e.index(0), size, [&](Value number, Value mask) {
    SmallVector<Value> tile;
    Value column = e.add(first, number);
    for (auto [row, nextRow] : llvm::zip(rows, nextRows)) {
      Value logits = softmax.load(e, row, digit, column, mask);
      softmax.prefetch(nextRow, digit, column);
      tile.push_back(mask ? e.select(mask, logits, e.minusInfinity()) : logits);
    }
    e.transpose(tile);
    for (auto [lane, logits] : llvm::enumerate(tile))
      store(logits, chunk, e.add(number, lane));
  });
  Value read = e.mul(e.ceilDiv(size, e.lanes()), e.lanes());
  e.loop(read, e.index(chunk.size), 1,
         [&](Value number) { store(e.minusInfinity(), chunk, number); });
}

/// Logits of the chunk become powers, which are added to the sums.
void LaneSearch::raiseChunk(Value largest) {
  for (int64_t number = 0; number < chunk.size; ++number) {
    Value lane = e.index(number % e.lanes());
    Value power = softmax.power(e, load(chunk, e.index(number)), largest);
    store(power, chunk, e.index(number));
    store(e.addFloats(load(sums, lane), power), sums, lane);
  }
}

/// In the order in which DigitSoftmax adds up, bit for bit.
Value LaneSearch::sumPowers() {
  SmallVector<Value> all;
  for (int64_t lane = 0; lane < e.lanes(); ++lane)
    all.push_back(load(sums, e.index(lane)));
  for (int64_t half = e.lanes() / 2; half > 0; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane)
      all[lane] = e.addFloats(all[lane], all[lane + half]);
  return all[0];
}

//===----------------------------------------------------------------------===//
// The best so far
//===----------------------------------------------------------------------===//

/// Nothing, which is below every key.
void LaneSearch::clearBest() {
  for (const List &keys : best)
    fill(keys, e.zeros());
}

/// As many numbers of a list as the best are, from place `first` on; the index
/// of the i-th of them is `indexOf(i)`.
void LaneSearch::addToBest(const List &numbers, Value first,
                           function_ref<Value(int64_t)> indexOf) {
  for (bool ofOthers : {false, true}) {
    SmallVector<Value> keys, sofar;
    for (int64_t i = 0; i < width; ++i)
      keys.push_back(
          makeKeys(e, load(numbers, e.add(first, i)), indexOf(i), ofOthers));
    emitSort(e, keys);
    for (int64_t i = 0; i < width; ++i)
      sofar.push_back(loadKeys(best[ofOthers], e.index(i)));
    emitMergeBest(e, sofar, keys);
    for (int64_t i = 0; i < width; ++i)
      store(sofar[i], best[ofOthers], e.index(i));
  }
}

/// Numbers, divided, and indices.
void LaneSearch::takeBest(const Pairs &to, Value divisor) {
  e.loop(e.index(0), e.index(width), 1, [&](Value number) {
    auto [numbers, indices] =
        takeKeys(e, loadKeys(best[0], number), loadKeys(best[1], number));
    if (divisor)
      numbers = e.divFloats(numbers, divisor);
    store(numbers, to.numbers, number);
    store(indices, to.indices, number);
  });
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

/// Finds the best values of a digit; returns the sum of its powers.
Value LaneSearch::searchDigit(Value digit) {
  Value largest = findLargest(digit);
  fill(sums, e.zeros());
  clearBest();
  e.loop(e.index(0), softmax.base(), chunk.size, [&](Value first) {
    readChunk(digit, first);
    raiseChunk(largest);
    e.loop(e.index(0), e.index(chunk.size), width, [&](Value number) {
      Value indices = splatInteger(e, e.add(first, number));
      addToBest(chunk, number, [&](int64_t i) {
        return e.add(indices, splatInteger(e, int32_t(i)));
      });
    });
  });
  Value sum = sumPowers();
  takeBest(values, sum);
  return sum;
}

/// Value j can be among the best with prefix i where (i + 1)(j + 1) <= K.
void LaneSearch::pairWithValues(int64_t prefix, int64_t to) {
  Value number = load(prefixes.numbers, e.index(prefix));
  Value slot = e.mul(loadIntegers(prefixes.indices, e.index(prefix)),
                     splatInteger(e, softmax.base()));
  for (int64_t value = 0; value < kept / (prefix + 1); ++value) {
    Value from = e.index(value), at = e.index(to + value);
    store(e.mulFloats(number, load(values.numbers, from)), pairs.numbers, at);
    store(e.add(slot, loadIntegers(values.indices, from)), pairs.indices, at);
  }
}

/// Appends the digit to the prefixes. Before the first digit there is only one.
void LaneSearch::extend(Value digit) {
  pairWithValues(0, 0);
  Value isFirst = e.equal(digit, e.index(0));
  e.choose(emit::logicalNot(e.builder, e.loc, isFirst), [&] {
    int64_t to = width;
    for (int64_t prefix = 1; prefix < kept; ++prefix) {
      pairWithValues(prefix, to);
      to += kept / (prefix + 1);
    }
  });
  clearBest();
  Value end = e.select(isFirst, e.index(width), e.index(pairs.numbers.size));
  e.loop(e.index(0), end, width, [&](Value first) {
    addToBest(pairs.numbers, first, [&](int64_t i) {
      return loadIntegers(pairs.indices, e.add(first, i));
    });
  });
  takeBest(prefixes, {});
}

/// Transposes a list to a row a row, from row `first` on.
void LaneSearch::storeRows(const List &list, Value first, Value to) {
  auto type = cast<MemRefType>(to.getType());
  auto vector = VectorType::get(e.lanes(), type.getElementType());
  for (int64_t start = 0; start < type.getDimSize(1); start += e.lanes()) {
    SmallVector<Value> tile;
    for (int64_t number = start; number < start + e.lanes(); ++number)
      tile.push_back(number < list.size ? load(list, e.index(number))
                                        : e.zeros());
    e.transpose(tile);
    for (auto [row, some] : llvm::enumerate(tile))
      vector::StoreOp::create(e.builder, e.loc, bitsAs(e, vector, some), to,
                              ValueRange{e.add(first, row), e.index(start)});
  }
}

void LaneSearch::run(Value count, Place place) {
  e.loop(e.index(0), count, e.lanes(),
         [&](Value first) { runLanes(first, place); });
}

/// Every lane searches a row, though nobody may want to know what it finds.
void LaneSearch::runLanes(Value first, Place place) {
  rows.clear();
  nextRows.clear();
  for (int64_t lane = 0; lane < e.lanes(); ++lane) {
    rows.push_back(place(e.add(first, lane)));
    nextRows.push_back(place(e.add(first, lane + e.lanes())));
  }
  // One prefix, of no digits.
  fill(prefixes.numbers, e.zeros());
  fill(prefixes.indices, e.zeros());
  store(e.splat(1.0), prefixes.numbers, e.index(0));
  Value allSums =
      e.loop(e.index(0), softmax.digits(), 1, e.zeros(),
             [&](Value digit, ValueRange sofar) -> SmallVector<Value> {
               Value sum = searchDigit(digit);
               extend(digit);
               return {e.addFloats(sofar[0], sum)};
             })[0];
  e.store(allSums, into.sums, first);
  storeRows(prefixes.numbers, first, into.slots.numbers);
  storeRows(prefixes.indices, first, into.slots.indices);
}
