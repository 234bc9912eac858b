//===- RowSearch.cpp - The best slots, a row at a time --------------------===//
#include "RowSearch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace mlir::effattn;

/// Halvings of the range of a bound: a range of 2^4 is known to 4 % then.
static constexpr int64_t kBoundSteps = 6;

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

/// The most pairs that are sorted at a time: the values of a digit, or pairs
/// (i, j) with (i + 1)(j + 1) <= K, of which there are K (1 + ln K) at most.
static Value mostPairs(VectorEmitter &e, Value base, int64_t kept) {
  int64_t pairs = kept * (1 + llvm::Log2_64_Ceil(kept));
  return e.max(base, e.index(pairs));
}

RowSearch::RowSearch(VectorEmitter &e, DigitSoftmax &softmax, FoundSlots &into)
    : e(e), softmax(softmax), kept(into.kept),
      sort(e, kSearchedRows, mostPairs(e, softmax.base(), kept)),
      prefixes(into.slots), allSums(into.sums) {
  OpBuilder &b = e.builder;
  int64_t groups = groupVectors() * e.lanes();
  OpFoldResult width = e.mul(e.ceilDiv(softmax.base(), groups), groups);
  powers = e.scratch(width, b.getF32Type());
  values = FoundSlots::makeList(e, kept);
  found = e.scratch(e.fixed(kSearchedRows), b.getIndexType());
  sums = e.scratch(e.fixed(kSearchedRows), b.getF32Type());
  limits = e.scratch(e.fixed(kept), b.getIndexType());
  e.loop(e.index(0), e.index(kept), 1, [&](Value i) {
    Value limit = e.quotient(e.index(kept), e.add(i, 1));
    memref::StoreOp::create(b, e.loc, limit, limits, i);
  });
}

void RowSearch::overRows(function_ref<void()> step) {
  e.loop(e.index(0), rows, 1, [&](Value number) {
    row = number;
    sort.select(number);
    step();
  });
}

Value RowSearch::get(Value numbers) {
  return memref::LoadOp::create(e.builder, e.loc, numbers, row);
}

void RowSearch::set(Value number, Value numbers) {
  memref::StoreOp::create(e.builder, e.loc, number, numbers, row);
}

static Value loadVector(VectorEmitter &e, Value memory, ValueRange place) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  return vector::LoadOp::create(
      e.builder, e.loc, VectorType::get(e.lanes(), element), memory, place);
}

static Value splatInteger(VectorEmitter &e, Value index) {
  Type i32 = e.builder.getI32Type();
  return vector::BroadcastOp::create(
      e.builder, e.loc, VectorType::get(e.lanes(), i32),
      emit::fromIndex(e.builder, e.loc, index, i32));
}

/// i1 lanes.
static Value atLeast(VectorEmitter &e, Value numbers, Value bound) {
  return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OGE,
                               numbers, bound);
}

//===----------------------------------------------------------------------===//
// The best values of a digit
//===----------------------------------------------------------------------===//

/// A number that at least K powers, or all, are not below: about the K-th
/// largest of what is largest in each of 2 K groups. Some 1.4 K powers reach
/// that. It is found by halving, with numbers as their bits, which are ordered
/// as they are.
Value RowSearch::boundOfGroups() {
  OpBuilder &b = e.builder;
  int64_t vectors = groupVectors();
  SmallVector<Value> maxima(vectors, e.splat(-1.0));
  maxima =
      e.loop(e.index(0), e.size(powers, 0), vectors * e.lanes(), maxima,
             [&](Value first, ValueRange sofar) {
               SmallVector<Value> next;
               for (auto [number, before] : llvm::enumerate(sofar)) {
                 Value place = e.add(first, number * e.lanes());
                 next.push_back(e.maxFloats(e.load(powers, place), before));
               }
               return next;
             });
  auto i32 = VectorType::get(e.lanes(), b.getI32Type());
  auto integer = [&](int32_t number) -> Value {
    return arith::ConstantIntOp::create(b, e.loc, number, 32);
  };
  for (Value &maximum : maxima)
    maximum = vector::BitCastOp::create(b, e.loc, i32, maximum);
  Value lowest = maxima[0];
  for (Value maximum : ArrayRef<Value>(maxima).drop_front())
    lowest = e.min(lowest, maximum);
  Value low = vector::ReductionOp::create(b, e.loc,
                                          vector::CombiningKind::MINSI, lowest);
  low = e.max(low, integer(0));
  // The largest power is e^0.
  Value high = integer(llvm::bit_cast<int32_t>(1.0f));
  for (int64_t step = 0; step < kBoundSteps; ++step) {
    Value half = arith::ShRUIOp::create(b, e.loc, e.sub(high, low), integer(1));
    Value middle = e.add(low, half), reached = e.index(0);
    Value all = vector::BroadcastOp::create(b, e.loc, i32, middle);
    for (Value maximum : maxima)
      reached = e.add(reached, e.countTrue(e.lessEqual(all, maximum)));
    Value isBound = e.lessEqual(e.index(kept), reached);
    low = e.select(isBound, middle, low);
    high = e.select(isBound, high, middle);
  }
  return arith::BitcastOp::create(b, e.loc, b.getF32Type(), low);
}

Value RowSearch::gather(Value bound) {
  if (e.lanes() < 16)
    return gatherByScalars(bound);
  OpBuilder &b = e.builder;
  Value allOfBound = e.splat(bound);
  auto counting = llvm::to_vector(llvm::seq<int32_t>(0, e.lanes()));
  Value lanes = arith::ConstantOp::create(
      b, e.loc,
      DenseElementsAttr::get(VectorType::get(e.lanes(), b.getI32Type()),
                             ArrayRef<int32_t>(counting)));
  return e.loop(e.index(0), softmax.base(), e.lanes(), e.index(0),
                [&](Value first, ValueRange count) -> SmallVector<Value> {
                  Value numbers = e.load(powers, first);
                  Value indices = e.add(splatInteger(e, first), lanes);
                  return {sort.append(count[0], numbers, indices,
                                      atLeast(e, numbers, allOfBound))};
                })[0];
}

/// Where no instruction stores the chosen lanes of a vector: every power is
/// stored, and the next takes the place of one that is below the bound.
Value RowSearch::gatherByScalars(Value bound) {
  OpBuilder &b = e.builder;
  return e.loop(e.index(0), softmax.base(), 1, e.index(0),
                [&](Value place, ValueRange count) -> SmallVector<Value> {
                  Value number = e.loadScalar(powers, place);
                  Value index =
                      emit::fromIndex(b, e.loc, place, b.getI32Type());
                  sort.put(number, index, count[0]);
                  Value isKept = atLeast(e, number, bound);
                  Value more =
                      arith::ExtUIOp::create(b, e.loc, b.getI64Type(), isKept);
                  return {e.add(count[0], emit::toIndex(b, e.loc, more))};
                })[0];
}

/// Gathers the values of a digit that can be among the best.
void RowSearch::gatherValues(ValueRange place, Value digit) {
  Value sum = softmax.run(place, digit, powers);
  set(sum, sums);
  set(e.addFloats(get(allSums), sum), allSums);
  Value bound = emit::f32(e.builder, e.loc, 0);
  if (usesBound()) {
    Value hasMany =
        e.lessThan(e.index(groupVectors() * e.lanes()), softmax.base());
    bound = e.choose(
        hasMany, bound.getType(),
        [&]() -> SmallVector<Value> { return {boundOfGroups()}; },
        [&]() -> SmallVector<Value> { return {bound}; })[0];
  }
  set(gather(bound), found);
}

/// The first `count` sorted pairs, numbers divided, and zeros behind them.
void RowSearch::takeSorted(const PairList &list, Value count, Value divisor) {
  e.loop(e.index(0), e.index(FoundSlots::listSize(e, kept)), e.lanes(),
         [&](Value first) {
           auto [numbers, indices] = sort.load(first, count);
           if (divisor)
             numbers = e.divFloats(numbers, e.splat(divisor));
           e.store(numbers, list.numbers, {row, first});
           vector::StoreOp::create(e.builder, e.loc, indices, list.indices,
                                   ValueRange{row, first});
         });
}

//===----------------------------------------------------------------------===//
// The best products
//===----------------------------------------------------------------------===//

/// A number that K products, or all, are not below: prefix i times value j is
/// not above what the first i + 1 prefixes and the first j + 1 values give.
Value RowSearch::boundOfProducts() {
  Value bound = emit::f32(e.builder, e.loc, 0);
  int64_t last = 0;
  for (int64_t i = 0; i < kept; ++i) {
    int64_t count = llvm::divideCeil(kept, i + 1);
    if (count == last)
      continue;
    last = count;
    Value product =
        e.mulFloats(e.loadScalar(prefixes.numbers, {row, e.index(i)}),
                    e.loadScalar(values.numbers, {row, e.index(count - 1)}));
    bound = e.maxFloats(product, bound);
  }
  return bound;
}

/// Gathers the products of `count` prefixes and the values that can be among
/// the best.
void RowSearch::gatherProducts(Value count) {
  OpBuilder &b = e.builder;
  Value size = e.index(kept);
  Value base = softmax.base(), valueCount = e.min(size, base);
  Value bound =
      e.splat(usesBound() ? boundOfProducts() : emit::f32(b, e.loc, 0));
  // Products descend along both.
  Value best = e.splat(e.loadScalar(values.numbers, {row, e.index(0)}));
  Value reaching =
      e.loop(e.index(0), e.index(FoundSlots::listSize(e, kept)), e.lanes(),
             e.index(0), [&](Value i, ValueRange sofar) -> SmallVector<Value> {
               Value products =
                   e.mulFloats(e.load(prefixes.numbers, {row, i}), best);
               Value reached = e.countTrue(atLeast(e, products, bound));
               return {e.add(sofar[0], reached)};
             })[0];
  Value gathered = e.loop(
      e.index(0), e.min(reaching, count), 1, e.index(0),
      [&](Value i, ValueRange outer) -> SmallVector<Value> {
        Value prefix = e.splat(e.loadScalar(prefixes.numbers, {row, i}));
        Value slot = emit::loadIndex(b, e.loc, prefixes.indices, {row, i});
        Value first = splatInteger(e, e.mul(slot, base));
        Value limit = memref::LoadOp::create(b, e.loc, limits, i);
        limit = e.min(limit, valueCount);
        return e.loop(
            e.index(0), limit, e.lanes(), outer,
            [&](Value j, ValueRange sofar) -> SmallVector<Value> {
              Value products =
                  e.mulFloats(prefix, e.load(values.numbers, {row, j}));
              Value slots =
                  e.add(first, loadVector(e, values.indices, {row, j}));
              Value isKept =
                  emit::logicalAnd(b, e.loc, atLeast(e, products, bound),
                                   e.firstLanes(e.sub(limit, j)));
              return {sort.appendFirst(sofar[0], products, slots, isKept)};
            });
      })[0];
  set(gathered, found);
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

/// One prefix, of no digits.
void RowSearch::begin() {
  Value none = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
  e.storeScalar(emit::f32(e.builder, e.loc, 1), prefixes.numbers,
                {row, e.index(0)});
  memref::StoreOp::create(e.builder, e.loc, none, prefixes.indices,
                          ValueRange{row, e.index(0)});
  set(emit::f32(e.builder, e.loc, 0), allSums);
}

void RowSearch::run(Value count, Place place) {
  rows = count;
  overRows([&] { begin(); });
  e.loop(e.index(0), softmax.digits(), 1, e.index(1),
         [&](Value digit, ValueRange prefixCount) -> SmallVector<Value> {
           Value kept = e.index(this->kept);
           Value valueCount = e.min(kept, softmax.base());
           Value nextCount = e.min(kept, e.mul(prefixCount[0], valueCount));
           overRows([&] { gatherValues(place(row), digit); });
           overRows([&] { sort.sort(get(found)); });
           auto take = [&] {
             overRows([&] { takeSorted(prefixes, valueCount, get(sums)); });
           };
           auto extend = [&] {
             overRows([&] { takeSorted(values, valueCount, get(sums)); });
             overRows([&] { gatherProducts(prefixCount[0]); });
             overRows([&] { sort.sort(get(found)); });
             overRows([&] { sort.orderEqual(get(found)); });
             overRows([&] { takeSorted(prefixes, nextCount, {}); });
           };
           e.choose(e.equal(digit, e.index(0)), take, extend);
           return {nextCount};
         });
}
