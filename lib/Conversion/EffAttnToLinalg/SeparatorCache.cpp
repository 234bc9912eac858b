//===- SeparatorCache.cpp - Emit the steps of a separator cache -----------===//
#include "SeparatorCache.h"

using namespace mlir;
using namespace mlir::effattn;

Value SeparatorCacheEmitter::isDue(Value length) {
  Value capacity = index(layout.capacity);
  if (layout.when == CompactionTime::BeforeAttention)
    return emit::lessEqual(builder, loc, capacity, length);
  return emit::lessThan(builder, loc, capacity, length);
}

Compaction SeparatorCacheEmitter::plan(Value flags, Value length,
                                       Value separatorEnd) {
  Compaction plan;
  plan.oldLength = length;
  plan.initial = index(layout.initial);
  plan.window = emit::sub(builder, loc, length, index(layout.window));
  // An end of 0 reads as `initial`.
  plan.oldEnd = emit::max(builder, loc, separatorEnd, plan.initial);
  auto count = [&](Value entry, ValueRange carried) -> SmallVector<Value> {
    Value isSeparator = emit::load(builder, loc, flags, entry);
    Value one = emit::select(builder, loc, isSeparator, index(1), index(0));
    return {emit::add(builder, loc, carried[0], one)};
  };
  Value old = emit::sub(builder, loc, plan.oldEnd, plan.initial);
  Value all = emitter.loop(plan.oldEnd, plan.window, old, count)[0];
  Value kept = emit::min(builder, loc, all, index(layout.separators));
  plan.forgotten = emit::sub(builder, loc, all, kept);
  plan.newEnd = emit::add(builder, loc, plan.initial, kept);
  plan.newLength = emit::add(builder, loc, plan.newEnd, index(layout.window));
  return plan;
}

/// Separator number i of a row, old ones first, goes to place
/// initial + i - forgotten, and is forgotten where that lies below `initial`.
Value SeparatorCacheEmitter::compact(const Compaction &plan, Value lane,
                                     Value flags) {
  bool ofFlags = lane == flags;
  // Old separators, unless they stay where they are.
  Value firstOld = emit::add(builder, loc, plan.initial, plan.forgotten);
  Value stay = emit::equal(builder, loc, plan.forgotten, index(0));
  lane =
      moveEntries(lane, emit::select(builder, loc, stay, plan.oldEnd, firstOld),
                  plan.oldEnd, plan.forgotten);
  // Separators that have left the window since.
  auto visit = [&](Value entry, ValueRange carried) -> SmallVector<Value> {
    Value isSeparator =
        emit::load(builder, loc, ofFlags ? carried[0] : flags, entry);
    return emitter.when(isSeparator, carried, [&]() -> SmallVector<Value> {
      Value place = carried[1];
      Value stays = emit::lessEqual(builder, loc, plan.initial, place);
      Value moved = emitter.when(stays, carried[0], [&] {
        return SmallVector<Value>{moveEntry(carried[0], entry, place)};
      })[0];
      return {moved, emit::add(builder, loc, place, index(1))};
    });
  };
  Value place = emit::sub(builder, loc, plan.oldEnd, plan.forgotten);
  lane = emitter.loop(plan.oldEnd, plan.window, {lane, place}, visit)[0];
  // The window.
  return moveEntries(lane, plan.window, plan.oldLength,
                     emit::sub(builder, loc, plan.window, plan.newEnd));
}
