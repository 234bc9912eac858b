//===- WarpTopK.cpp - The best ranks that a warp has seen -----------------===//
#include "WarpTopK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

WarpTopK::WarpTopK(KernelEmitter &e, int64_t kept)
    : e(e), kept(kept),
      registers(llvm::PowerOf2Ceil(llvm::divideCeil(kept, kWarpThreads))) {}

SmallVector<Value> WarpTopK::none() {
  return SmallVector<Value>(registers, Ranks(e.builder, e.loc).lowest());
}

Value WarpTopK::isBetter(Value lhs, Value rhs) {
  return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::sgt, lhs,
                               rhs);
}

Value WarpTopK::hasLaneBit(int64_t bit) {
  Value masked =
      arith::AndIOp::create(e.builder, e.loc, e.lane(), e.index(bit));
  return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ne,
                               masked, e.index(0));
}

Value WarpTopK::exchange(Value value, int64_t mask, Value keepsLower) {
  Value other = e.shuffleXor(value, mask);
  Value takesOther = arith::CmpIOp::create(
      e.builder, e.loc, arith::CmpIPredicate::ne, isBetter(value, other),
      emit::logicalNot(e.builder, e.loc, keepsLower));
  return e.select(takesOther, other, value);
}

Value WarpTopK::sortLanes(Value value) {
  // Two sorted halves of a stretch meet in reverse, so that all stretches go
  // up and five conditions do for all steps: kept for a whole loop, more would
  // not fit into registers.
  for (int64_t size = 2; size <= kWarpThreads; size *= 2)
    for (int64_t stride = size / 2; stride > 0; stride /= 2) {
      int64_t mask = stride == size / 2 ? size - 1 : stride;
      value = exchange(value, mask,
                       emit::logicalNot(e.builder, e.loc, hasLaneBit(stride)));
    }
  return value;
}

SmallVector<Value> WarpTopK::sortBitonic(SmallVector<Value> list) {
  for (int64_t apart = registers / 2; apart > 0; apart /= 2)
    for (int64_t i = 0; i < registers; ++i) {
      if (i & apart)
        continue;
      Value upper = list[i], lower = list[i + apart];
      Value inOrder = isBetter(upper, lower);
      list[i] = e.select(inOrder, upper, lower);
      list[i + apart] = e.select(inOrder, lower, upper);
    }
  for (int64_t stride = kWarpThreads / 2; stride > 0; stride /= 2) {
    Value keepsLower = hasLaneBit(stride);
    for (Value &value : list)
      value = exchange(value, stride, keepsLower);
  }
  return list;
}

SmallVector<Value> WarpTopK::merge(ValueRange list, ValueRange reversed) {
  SmallVector<Value> best;
  for (auto [own, other] : llvm::zip(list, reversed))
    best.push_back(e.select(isBetter(own, other), own, other));
  return sortBitonic(best);
}

Value WarpTopK::better(Value lhs, Value rhs) {
  return e.select(isBetter(lhs, rhs), lhs, rhs);
}

SmallVector<Value> WarpTopK::insert(ValueRange list, Value candidate) {
  // All but the last register meet ranks that are below all others.
  SmallVector<Value> merged(list);
  merged.back() = better(merged.back(), sortLanes(candidate));
  return sortBitonic(merged);
}

SmallVector<Value> WarpTopK::offerOne(ValueRange list, Value candidate) {
  return e.choose(
      e.anyLane(isBetter(candidate, worst(list))), list.getTypes(),
      [&] { return insert(list, candidate); },
      [&] { return SmallVector<Value>(list); });
}

SmallVector<Value> WarpTopK::offer(ValueRange list,
                                   ArrayRef<Value> candidates) {
  Value best = candidates.front();
  for (Value candidate : candidates.drop_front())
    best = better(candidate, best);
  // One after the other, by the same instructions: there are many.
  auto offerEach = [&] {
    return e.loop(e.index(0), e.index(candidates.size()), 1, list,
                  [&](Value number, ValueRange sofar) {
                    Value candidate = candidates.front();
                    for (auto [i, other] : llvm::enumerate(candidates))
                      candidate = e.select(e.equal(number, e.index(i)), other,
                                           candidate);
                    return offerOne(sofar, candidate);
                  });
  };
  return e.choose(e.anyLane(isBetter(best, worst(list))), list.getTypes(),
                  offerEach, [&] { return SmallVector<Value>(list); });
}

Value WarpTopK::worst(ValueRange list) {
  int64_t last = kept - 1;
  return e.shuffleFrom(list[last / kWarpThreads], e.index(last % kWarpThreads));
}

void WarpTopK::overList(ValueRange list, Value places,
                        function_ref<void(Value, Value)> body) {
  for (auto [i, rank] : llvm::enumerate(list)) {
    Value place = e.add(e.lane(), i * kWarpThreads);
    e.choose(e.lessThan(place, places),
             [&, rank = rank] { body(place, rank); });
  }
}

void effattn::findBest(KernelEmitter &e, int64_t kept, OfferRanks offer,
                       function_ref<void(Value place, Value rank)> body) {
  Ranks ranks(e.builder, e.loc);
  if (kept <= WarpTopK::kMostInRegisters) {
    WarpTopK best(e, kept);
    best.overList(offer(best, best.none(), [](Value rank) { return rank; }),
                  e.index(kept), body);
    return;
  }
  WarpTopK best(e, WarpTopK::kMostInRegisters);
  Value all = arith::ConstantIntOp::create(
      e.builder, e.loc, std::numeric_limits<int64_t>::max(), 64);
  e.loop(e.index(0), e.index(kept), best.room(), all,
         [&](Value first, ValueRange found) -> SmallVector<Value> {
           auto unlessFound = [&](Value rank) {
             return e.select(e.lessThan(rank, found[0]), rank, ranks.lowest());
           };
           SmallVector<Value> list = offer(best, best.none(), unlessFound);
           best.overList(list, e.sub(e.index(kept), first),
                         [&](Value place, Value rank) {
                           body(e.add(first, place), rank);
                         });
           return {best.worst(list)};
         });
}
