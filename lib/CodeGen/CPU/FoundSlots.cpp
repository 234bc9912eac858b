//===- FoundSlots.cpp - What a search for the best slots has found --------===//
#include "FoundSlots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

FoundSlots::FoundSlots(VectorEmitter &e, int64_t kept)
    : kept(kept), slots(makeList(e, kept)),
      sums(e.scratch(e.fixed(kSearchedRows), e.builder.getF32Type())), e(e) {}

PairList FoundSlots::makeList(VectorEmitter &e, int64_t kept) {
  OpFoldResult sizes[] = {e.fixed(kSearchedRows), e.fixed(listSize(e, kept))};
  return {e.scratch(sizes, e.builder.getF32Type()),
          e.scratch(sizes, e.builder.getI32Type())};
}

/// Where fewer than K slots are above 0, the lowest of the others follow them:
/// which these are, the search by products does not know.
void FoundSlots::placeZeros() {
  OpBuilder &b = e.builder;
  Value zero = e.index(0), size = e.index(kept);
  Value none = emit::f32(b, e.loc, 0);
  PairSort sort(e, 1, size);
  sort.select(zero);
  Value above =
      e.loop(zero, size, 1, zero,
             [&](Value place, ValueRange count) -> SmallVector<Value> {
               Value number = e.loadScalar(slots.numbers, {row, place});
               sort.put(none, emit::load(b, e.loc, slots.indices, {row, place}),
                        place);
               Value isAbove = e.lessFloats(none, number);
               return {e.add(count[0], e.select(isAbove, e.index(1), zero))};
             })[0];
  // All are equal, and end in the order of their slots.
  sort.sortByHeap(above);
  // Of the slots below K, `taken` are above 0 and have been met.
  Value last = e.max(e.sub(above, e.index(1)), zero);
  e.loop(zero, size, 1, zero,
         [&](Value slot, ValueRange taken) -> SmallVector<Value> {
           Value next = sort.loadIndex(e.min(taken[0], last));
           Value isTaken = emit::logicalAnd(
               b, e.loc, e.lessThan(taken[0], above), e.equal(next, slot));
           Value place = e.add(above, e.sub(slot, taken[0]));
           Value isWanted =
               emit::logicalAnd(b, e.loc, emit::logicalNot(b, e.loc, isTaken),
                                e.lessThan(place, size));
           e.choose(isWanted, [&] {
             Value number = emit::fromIndex(b, e.loc, slot, b.getI32Type());
             memref::StoreOp::create(b, e.loc, number, slots.indices,
                                     ValueRange{row, place});
           });
           return {e.add(taken[0], e.select(isTaken, e.index(1), zero))};
         });
}

/// A NaN makes every slot NaN, and NaNs keep the order of their slots.
void FoundSlots::placeNaNs() {
  OpBuilder &b = e.builder;
  Value nan = arith::ConstantOp::create(
      b, e.loc, b.getF32FloatAttr(std::numeric_limits<float>::quiet_NaN()));
  e.loop(e.index(0), e.index(kept), 1, [&](Value slot) {
    Value number = emit::fromIndex(b, e.loc, slot, b.getI32Type());
    e.storeScalar(nan, slots.numbers, {row, slot});
    memref::StoreOp::create(b, e.loc, number, slots.indices,
                            ValueRange{row, slot});
  });
}

void FoundSlots::store(Value count,
                       function_ref<SmallVector<Value>(Value)> place,
                       Value intoValues, Value intoIndices, bool normalize) {
  e.loop(e.index(0), count, 1, [&](Value number) {
    row = number;
    Value sum = memref::LoadOp::create(e.builder, e.loc, sums, row);
    Value isNaN = emit::isNaN(e.builder, e.loc, sum);
    Value last = e.loadScalar(slots.numbers, {row, e.index(kept - 1)});
    Value isZero = e.equalFloats(last, emit::f32(e.builder, e.loc, 0));
    e.choose(
        isNaN, [&] { placeNaNs(); },
        [&] { e.choose(isZero, [&] { placeZeros(); }); });
    storeRow(place(row), intoValues, intoIndices, normalize);
  });
}

void FoundSlots::storeRow(ValueRange place, Value intoValues, Value intoIndices,
                          bool normalize) {
  OpBuilder &b = e.builder;
  Value zero = e.index(0), size = e.index(kept);
  Value sum;
  if (normalize)
    sum = e.loop(zero, size, 1, emit::f32(b, e.loc, 0),
                 [&](Value i, ValueRange sofar) -> SmallVector<Value> {
                   Value value = e.loadScalar(slots.numbers, {row, i});
                   return {e.addFloats(sofar[0], value)};
                 })[0];
  SmallVector<Value> at(place);
  at.push_back(zero);
  auto load = [&](Value memory, Value i) -> Value {
    return memref::LoadOp::create(b, e.loc, memory, ValueRange{row, i});
  };
  if (!e.isContiguous(intoValues) || !e.isContiguous(intoIndices))
    return e.loop(zero, size, 1, [&](Value i) {
      at.back() = i;
      Value value = load(slots.numbers, i);
      if (normalize)
        value = e.divFloats(value, sum);
      e.storeScalar(value, intoValues, at);
      memref::StoreOp::create(b, e.loc, load(slots.indices, i), intoIndices,
                              at);
    });
  e.overColumns(zero, size, [&](Value i, Value mask) {
    at.back() = i;
    Value numbers = e.load(slots.numbers, {row, i});
    if (normalize)
      numbers = e.divFloats(numbers, e.splat(sum));
    e.store(numbers, intoValues, at, mask);
    Value indices = vector::LoadOp::create(
        b, e.loc, VectorType::get(e.lanes(), b.getI32Type()), slots.indices,
        ValueRange{row, i});
    if (mask)
      vector::MaskedStoreOp::create(b, e.loc, intoIndices, at, mask, indices);
    else
      vector::StoreOp::create(b, e.loc, indices, intoIndices, at);
  });
}
