//===- CompactionKernels.cpp - Forget what a full cache need not keep -----===//
#include "BlockScan.h"
#include "CacheKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Of a block that plans a row.
static constexpr int64_t kPlanThreads = 128;
/// Warps of a block that moves entries, and entries that each has in registers.
static constexpr int64_t kMoveWarps = 8, kMoveEntries = 8;
static constexpr int64_t kTogether = kMoveWarps * kMoveEntries;

CompactionKernels::CompactionKernels(LoopEmitter &host,
                                     const SeparatorLayout &layout,
                                     const CacheMemory &cache)
    : host(host), layout(layout), cache(cache) {
  Value rows = host.size(cache.length, 0);
  auto allocate = [&](int64_t numbers) -> Value {
    auto type = MemRefType::get({ShapedType::kDynamic, numbers},
                                host.builder.getI32Type());
    return memref::AllocOp::create(host.builder, host.loc, type, rows);
  };
  sources = allocate(layout.separators);
  plans = allocate(3);
}

void CompactionKernels::free() {
  for (Value memory : {sources, plans})
    memref::DeallocOp::create(host.builder, host.loc, memory);
}

Value CompactionKernels::isFull(LoopEmitter &e, Value length) const {
  Value capacity = e.index(layout.capacity);
  return layout.when == CompactionTime::BeforeAttention
             ? e.lessEqual(capacity, length)
             : e.lessThan(capacity, length);
}

static void storeInteger(KernelEmitter &e, Value index, Value memory,
                         ValueRange at) {
  memref::StoreOp::create(
      e.builder, e.loc,
      emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type()), memory,
      at);
}

CompactionKernels::Plan CompactionKernels::loadPlan(KernelEmitter &e,
                                                    Value row) {
  auto load = [&](int64_t number) {
    return emit::loadIndex(e.builder, e.loc, plans, {row, e.index(number)});
  };
  return {load(0), load(1), load(2)};
}

void CompactionKernels::storePlan(KernelEmitter &e, Value row,
                                  const Plan &plan) {
  Value numbers[] = {plan.kept, plan.moved, plan.window};
  for (auto [i, number] : llvm::enumerate(numbers))
    storeInteger(e, number, plans, {row, e.index(i)});
}

Value CompactionKernels::sourceOf(KernelEmitter &e, Value row, const Plan &plan,
                                  Value number) {
  return e.choose(
      e.lessThan(number, plan.kept), e.builder.getIndexType(),
      [&]() -> SmallVector<Value> {
        return {emit::loadIndex(e.builder, e.loc, sources, {row, number})};
      },
      [&]() -> SmallVector<Value> {
        return {e.add(plan.window, e.sub(number, plan.kept))};
      })[0];
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

/// Separator number i of a row, old ones first, goes to place i - forgotten
/// behind the initial entries, and is forgotten where that is negative.
CompactionKernels::Plan
CompactionKernels::findSeparators(KernelEmitter &e, Value row, Value length) {
  BlockScan scan(e);
  Value zero = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
  Value one = arith::ConstantIntOp::create(e.builder, e.loc, 1, 32);
  Value initial = e.index(layout.initial);
  // An end of 0 reads as `initial`.
  Value oldEnd = e.max(
      emit::loadIndex(e.builder, e.loc, cache.separatorEnd, row), initial);
  Value window = e.sub(length, e.index(layout.window));
  Value old = e.sub(oldEnd, initial);
  // Visits what has left the window since the last compaction, with the
  // separators of threads before this one and of all.
  auto visit =
      [&](function_ref<void(Value entry, Value flag, Value number)> body) {
        return e.loop(oldEnd, window, kPlanThreads, zero,
                      [&](Value first, ValueRange sum) -> SmallVector<Value> {
                        Value entry = e.add(first, e.thread());
                        Value flag = e.choose(
                            e.lessThan(entry, window), zero.getType(),
                            [&]() -> SmallVector<Value> {
                              Value isSet = emit::load(
                                  e.builder, e.loc, cache.flags, {row, entry});
                              return {e.select(isSet, one, zero)};
                            },
                            [&]() -> SmallVector<Value> { return {zero}; })[0];
                        auto [before, all] = scan.sumBefore(flag);
                        body(entry, flag, e.add(sum[0], before));
                        return {e.add(sum[0], all)};
                      })[0];
      };
  Value left = visit([](Value, Value, Value) {});
  Value separators = e.add(old, emit::toIndex(e.builder, e.loc, left));
  Value kept = e.min(separators, e.index(layout.separators));
  Value forgotten = e.sub(separators, kept);
  auto keep = [&](Value number, Value entry) {
    storeInteger(e, entry, sources, {row, e.sub(number, forgotten)});
  };
  e.loop(e.add(forgotten, e.thread()), old, kPlanThreads,
         [&](Value number) { keep(number, e.add(initial, number)); });
  visit([&](Value entry, Value flag, Value inFront) {
    Value number = e.add(old, emit::toIndex(e.builder, e.loc, inFront));
    Value isKept = emit::logicalAnd(e.builder, e.loc, e.equal(flag, one),
                                    e.lessEqual(forgotten, number));
    e.choose(isKept, [&] { keep(number, entry); });
  });
  return {kept, e.add(kept, layout.window), window};
}

/// Entries only ever move down, so that what is read before a barrier may be
/// written over behind it.
void CompactionKernels::moveFlags(KernelEmitter &e, Value row,
                                  const Plan &plan) {
  e.loop(e.index(0), plan.moved, kPlanThreads, [&](Value first) {
    Value number = e.add(first, e.thread());
    Value isThere = e.lessThan(number, plan.moved);
    Value flag = e.choose(
        isThere, e.builder.getI1Type(),
        [&]() -> SmallVector<Value> {
          return {emit::load(e.builder, e.loc, cache.flags,
                             {row, sourceOf(e, row, plan, number)})};
        },
        [&]() -> SmallVector<Value> {
          return {emit::boolean(e.builder, e.loc, false)};
        })[0];
    e.barrier();
    e.choose(isThere, [&] {
      memref::StoreOp::create(e.builder, e.loc, flag, cache.flags,
                              ValueRange{row, e.add(number, layout.initial)});
    });
    e.barrier();
  });
}

void CompactionKernels::planRow(KernelEmitter &e, const RowCondition &isDue) {
  Value row = e.block(), zero = e.index(0);
  Value isFirst = e.equal(e.thread(), zero);
  Value length = emit::loadIndex(e.builder, e.loc, cache.length, row);
  auto compact = [&] {
    Plan plan = findSeparators(e, row, length);
    // Nobody writes a length that another thread has yet to read, and all see
    // the sources.
    e.barrier();
    e.choose(isFirst, [&] {
      storePlan(e, row, plan);
      Value end = e.add(plan.kept, layout.initial);
      storeOfRow(e, cache.length, row, e.add(end, layout.window));
      storeOfRow(e, cache.separatorEnd, row, end);
    });
    moveFlags(e, row, plan);
  };
  e.choose(isDue(e, row), compact, [&] {
    e.choose(isFirst, [&] { storePlan(e, row, {zero, zero, zero}); });
  });
}

//===----------------------------------------------------------------------===//
// Keys and values
//===----------------------------------------------------------------------===//

void CompactionKernels::move(KernelEmitter &e, ArrayRef<Value> lane,
                             Value entries, Value part) {
  auto type = cast<MemRefType>(entries.getType());
  Value none = arith::ConstantOp::create(
      e.builder, e.loc, e.builder.getZeroAttr(type.getElementType()));
  Value row = lane[0];
  Plan plan = loadPlan(e, row);
  Value column = e.add(e.mul(part, kWarpThreads), e.lane());
  Value isColumn = e.lessThan(column, e.size(entries, 3));
  e.loop(e.index(0), plan.moved, kTogether, [&](Value first) {
    Value mine = e.add(first, e.mul(e.warp(), kMoveEntries));
    SmallVector<Value> elements, areThere;
    for (int64_t i = 0; i < kMoveEntries; ++i) {
      Value number = e.add(mine, i);
      areThere.push_back(emit::logicalAnd(e.builder, e.loc, isColumn,
                                          e.lessThan(number, plan.moved)));
      elements.push_back(e.choose(
          areThere.back(), type.getElementType(),
          [&]() -> SmallVector<Value> {
            return {emit::load(
                e.builder, e.loc, entries,
                {row, lane[1], sourceOf(e, row, plan, number), column})};
          },
          [&] { return SmallVector<Value>{none}; })[0]);
    }
    e.barrier();
    for (int64_t i = 0; i < kMoveEntries; ++i)
      e.choose(areThere[i], [&] {
        Value to = e.add(mine, layout.initial + i);
        memref::StoreOp::create(e.builder, e.loc, elements[i], entries,
                                ValueRange{row, lane[1], to, column});
      });
    e.barrier();
  });
}

void CompactionKernels::launch(const RowCondition &isDue) {
  Value rows = host.size(cache.length, 0);
  KernelEmitter::launch(host.builder, host.loc, "cache_plan", rows,
                        kPlanThreads,
                        [&](KernelEmitter &e) { planRow(e, isDue); });
  auto partsOf = [&](Value entries) {
    return host.ceilDiv(host.size(entries, 3), kWarpThreads);
  };
  Value keyParts = partsOf(cache.keys);
  SmallVector<Value> sizes{rows, host.size(cache.keys, 1),
                           host.add(keyParts, partsOf(cache.values))};
  Value blocks = host.mul(host.mul(sizes[0], sizes[1]), sizes[2]);
  auto emit = [&](KernelEmitter &e) {
    SmallVector<Value> at = e.split(e.block(), sizes);
    e.choose(
        e.lessThan(at[2], keyParts), [&] { move(e, at, cache.keys, at[2]); },
        [&] { move(e, at, cache.values, e.sub(at[2], keyParts)); });
  };
  KernelEmitter::launch(host.builder, host.loc, "cache_move", blocks,
                        kMoveWarps * kWarpThreads, emit);
}
