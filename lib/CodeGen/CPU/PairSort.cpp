//===- PairSort.cpp - Put numbers and their indices in order --------------===//
#include "PairSort.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Lists up to this length are sorted by comparing all pairs.
static constexpr int64_t kRankedPairs = 256;
/// Vectors that are compared with a number at a time.
static constexpr int64_t kVectors = 2;
static constexpr int64_t kHighestIndex = 0x7fffffff;

static Value integer(VectorEmitter &e, int64_t number, unsigned width = 32) {
  return arith::ConstantIntOp::create(e.builder, e.loc, number, width);
}

static VectorType integers(VectorEmitter &e, int64_t lanes) {
  return VectorType::get(lanes, e.builder.getI32Type());
}

static Value loadInteger(VectorEmitter &e, Value memory, ValueRange place) {
  return memref::LoadOp::create(e.builder, e.loc, memory, place);
}

static void storeInteger(VectorEmitter &e, Value number, Value memory,
                         ValueRange place) {
  memref::StoreOp::create(e.builder, e.loc, number, memory, place);
}

PairSort::PairSort(VectorEmitter &e, int64_t lists, Value capacity) : e(e) {
  int64_t lanes = kVectors * e.lanes();
  OpBuilder &b = e.builder;
  Value size = e.add(capacity, lanes);
  OpFoldResult sizes[] = {e.fixed(lists), size};
  for (PairList *made : {&pairs, &sorted}) {
    made->numbers = e.scratch(sizes, b.getF32Type());
    made->indices = e.scratch(sizes, b.getI32Type());
  }
  keys = e.scratch(OpFoldResult(size), b.getI64Type());
  ones = e.scratch(e.fixed(2 * lanes), b.getI32Type());
  for (int64_t half : {0, 1})
    vector::StoreOp::create(
        b, e.loc,
        arith::ConstantOp::create(
            b, e.loc,
            DenseElementsAttr::get(integers(e, lanes), int32_t(1 - half))),
        ones, e.index(half * lanes));
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

void PairSort::put(Value number, Value index, Value place) {
  e.storeScalar(number, pairs.numbers, {list, place});
  storeInteger(e, index, pairs.indices, {list, place});
}

Value PairSort::append(Value count, Value numbers, Value indices, Value kept) {
  Value at[] = {list, count};
  // The builder takes the vector before the mask.
  vector::CompressStoreOp::create(e.builder, e.loc, pairs.numbers, at, numbers,
                                  kept);
  vector::CompressStoreOp::create(e.builder, e.loc, pairs.indices, at, indices,
                                  kept);
  return e.add(count, e.countTrue(kept));
}

Value PairSort::appendFirst(Value count, Value numbers, Value indices,
                            Value kept) {
  Value at[] = {list, count};
  e.store(numbers, pairs.numbers, at);
  vector::StoreOp::create(e.builder, e.loc, indices, pairs.indices, at);
  return e.add(count, e.countTrue(kept));
}

void PairSort::sort(Value count) {
  e.choose(
      e.lessEqual(count, e.index(kRankedPairs)), [&] { sortByRank(count); },
      [&] { sortByHeap(count); });
}

std::pair<Value, Value> PairSort::load(Value first, Value count) {
  Value at[] = {list, first};
  VectorType type = integers(e, e.lanes());
  Value none =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getZeroAttr(type));
  Value isThere = e.firstLanes(e.sub(count, first));
  Value numbers = e.load(sorted.numbers, at);
  Value indices =
      vector::LoadOp::create(e.builder, e.loc, type, sorted.indices, at);
  return {e.select(isThere, numbers, e.zeros()),
          e.select(isThere, indices, none)};
}

Value PairSort::loadIndex(Value place) {
  return emit::loadIndex(e.builder, e.loc, sorted.indices, {list, place});
}

//===----------------------------------------------------------------------===//
// Few pairs: a pair's place is the number of pairs before it
//===----------------------------------------------------------------------===//

/// How many of the list are larger than the number at `place`, or equal and
/// before it, by blocks of `lanes`. Numbers that are not negative are ordered
/// as their bits are, and one less of these is below what is equal.
Value PairSort::rank(Value place, Value count, int64_t lanes) {
  OpBuilder &b = e.builder;
  auto floats = VectorType::get(lanes, b.getF32Type());
  VectorType type = integers(e, lanes);
  Value bits = arith::BitcastOp::create(
      b, e.loc, b.getI32Type(), e.loadScalar(pairs.numbers, {list, place}));
  Value all = vector::BroadcastOp::create(b, e.loc, type, bits);
  return e.loop(
      e.index(0), count, lanes, e.index(0),
      [&](Value first, ValueRange sofar) -> SmallVector<Value> {
        Value block = vector::LoadOp::create(b, e.loc, floats, pairs.numbers,
                                             ValueRange{list, first});
        block = vector::BitCastOp::create(b, e.loc, type, block);
        // A one for each of the block's pairs that are before the
        // place.
        Value before =
            e.min(e.max(e.sub(place, first), e.index(0)), e.index(lanes));
        Value isBefore = vector::LoadOp::create(
            b, e.loc, type, ones, e.sub(e.index(kVectors * e.lanes()), before));
        Value above = e.lessThan(e.sub(all, isBefore), block);
        return {e.add(sofar[0], e.countTrue(above))};
      })[0];
}

void PairSort::sortByRank(Value count) {
  // Less than all others, up to a whole block.
  for (int64_t number = 0; number < kVectors; ++number)
    e.store(e.splat(-1.0), pairs.numbers,
            {list, e.add(count, number * e.lanes())});
  auto sortAll = [&](function_ref<Value(Value)> rankOf) {
    e.loop(e.index(0), count, 1, [&](Value place) {
      Value to = rankOf(place);
      e.storeScalar(e.loadScalar(pairs.numbers, {list, place}), sorted.numbers,
                    {list, to});
      storeInteger(e, loadInteger(e, pairs.indices, {list, place}),
                   sorted.indices, {list, to});
    });
  };
  // Lists of one block are so common that they have loops of their own.
  int64_t one = e.lanes(), many = kVectors * e.lanes();
  auto ofOneBlock = [&](int64_t lanes) {
    sortAll([&](Value place) { return rank(place, e.index(lanes), lanes); });
  };
  e.choose(
      e.lessEqual(count, e.index(one)), [&] { ofOneBlock(one); },
      [&] {
        e.choose(
            e.lessEqual(count, e.index(many)), [&] { ofOneBlock(many); },
            [&] {
              sortAll([&](Value place) { return rank(place, count, many); });
            });
      });
}

void PairSort::orderEqual(Value count) {
  Value zero = e.index(0), last = e.max(e.sub(count, e.index(1)), zero);
  Value equal =
      e.loop(zero, last, e.lanes(), zero,
             [&](Value first, ValueRange sofar) -> SmallVector<Value> {
               Value isEqual = e.equalFloats(
                   e.load(sorted.numbers, {list, first}),
                   e.load(sorted.numbers, {list, e.add(first, 1)}));
               isEqual = emit::logicalAnd(e.builder, e.loc, isEqual,
                                          e.firstLanes(e.sub(last, first)));
               return {e.add(sofar[0], e.countTrue(isEqual))};
             })[0];
  e.choose(e.lessThan(zero, equal), [&] {
    e.loop(e.index(1), count, 1, [&](Value place) { moveDown(place); });
  });
}

/// Moves a pair before those of the same number that have a larger index.
void PairSort::moveDown(Value place) {
  OpBuilder &b = e.builder;
  Location loc = e.loc;
  Value number = e.loadScalar(sorted.numbers, {list, place});
  Value index = loadInteger(e, sorted.indices, {list, place});
  auto to = scf::WhileOp::create(
      b, loc, TypeRange{b.getIndexType(), b.getI32Type()}, place,
      [&](OpBuilder &, Location, ValueRange at) {
        Value isFirst = e.equal(at[0], e.index(0));
        Value below = e.select(isFirst, at[0], e.sub(at[0], e.index(1)));
        Value other = loadInteger(e, sorted.indices, {list, below});
        Value isEqual =
            e.equalFloats(number, e.loadScalar(sorted.numbers, {list, below}));
        Value goesOn =
            emit::logicalAnd(b, loc, e.lessThan(index, other), isEqual);
        goesOn =
            emit::logicalAnd(b, loc, goesOn, emit::logicalNot(b, loc, isFirst));
        scf::ConditionOp::create(b, loc, goesOn, ValueRange{at[0], other});
      },
      [&](OpBuilder &, Location, ValueRange at) {
        storeInteger(e, at[1], sorted.indices, {list, at[0]});
        scf::YieldOp::create(b, loc, e.sub(at[0], e.index(1)));
      });
  storeInteger(e, index, sorted.indices, {list, to.getResult(0)});
}

//===----------------------------------------------------------------------===//
// Many pairs: a heap with the last at its root
//===----------------------------------------------------------------------===//

/// Fills the hole with `key`, in a heap of `count` entries: a child below `key`
/// moves up into the hole.
void PairSort::sink(Value hole, Value count, Value key) {
  OpBuilder &b = e.builder;
  Location loc = e.loc;
  Value last = e.sub(count, e.index(1));
  Type index = b.getIndexType(), i64 = b.getI64Type();
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange{index, index, i64}, hole,
      [&](OpBuilder &, Location, ValueRange at) {
        Value doubled = e.mul(at[0], 2);
        Value left = e.add(doubled, 1), right = e.add(doubled, 2);
        Value hasChild = e.lessThan(left, count);
        // Clamped, a missing child stands for an entry that is there.
        left = e.max(e.min(left, last), e.index(0));
        right = e.max(e.min(right, last), e.index(0));
        Value leftKey = loadInteger(e, keys, left);
        Value rightKey = loadInteger(e, keys, right);
        Value child = e.select(e.lessThan(rightKey, leftKey), right, left);
        Value childKey = e.min(leftKey, rightKey);
        Value goesOn =
            emit::logicalAnd(b, loc, hasChild, e.lessThan(childKey, key));
        scf::ConditionOp::create(b, loc, goesOn,
                                 ValueRange{at[0], child, childKey});
      },
      [&](OpBuilder &, Location, ValueRange at) {
        storeInteger(e, at[2], keys, at[0]);
        scf::YieldOp::create(b, loc, at[1]);
      });
  storeInteger(e, key, keys, loop.getResult(0));
}

Value PairSort::makeKey(Value place) {
  OpBuilder &b = e.builder;
  Type i64 = b.getI64Type();
  Value bits = arith::BitcastOp::create(
      b, e.loc, b.getI32Type(), e.loadScalar(pairs.numbers, {list, place}));
  Value upper = arith::ShLIOp::create(
      b, e.loc, arith::ExtUIOp::create(b, e.loc, i64, bits),
      integer(e, 32, 64));
  Value lower = e.sub(integer(e, kHighestIndex),
                      loadInteger(e, pairs.indices, {list, place}));
  return arith::OrIOp::create(b, e.loc, upper,
                              arith::ExtUIOp::create(b, e.loc, i64, lower));
}

void PairSort::sortByHeap(Value count) {
  OpBuilder &b = e.builder;
  Value zero = e.index(0), last = e.sub(count, e.index(1));
  e.loop(zero, count, 1,
         [&](Value place) { storeInteger(e, makeKey(place), keys, place); });
  e.loop(zero, count, 1, [&](Value step) {
    Value place = e.sub(last, step);
    sink(place, count, loadInteger(e, keys, place));
  });
  e.loop(zero, count, 1, [&](Value step) {
    // The last of those that are left.
    Value end = e.sub(last, step), key = loadInteger(e, keys, zero);
    Value upper = arith::ShRUIOp::create(b, e.loc, key, integer(e, 32, 64));
    auto lowHalf = [&](Value bits) -> Value {
      return arith::TruncIOp::create(b, e.loc, b.getI32Type(), bits);
    };
    Value number =
        arith::BitcastOp::create(b, e.loc, b.getF32Type(), lowHalf(upper));
    e.storeScalar(number, sorted.numbers, {list, end});
    storeInteger(e, e.sub(integer(e, kHighestIndex), lowHalf(key)),
                 sorted.indices, {list, end});
    sink(zero, end, loadInteger(e, keys, end));
  });
}
