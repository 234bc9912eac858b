//===- SeparatorCacheToLinalg.cpp - Append to and compact separator caches ===//
#include "SeparatorCache.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Keys and values of every head in parallel; then, of every row, flags and
/// lengths, which the heads read.
class AppendLowering : OpLowering<SeparatorCacheAppendOp> {
public:
  AppendLowering(OpBuilder &builder, SeparatorCacheAppendOp op)
      : OpLowering(builder, op), lanes(builder, op.getLoc()) {}

  SmallVector<Value> run() {
    SmallVector<Value> entries = emitter.rows(
        /*leading=*/2, {op.getKeys(), op.getValues()},
        [&](ValueRange head, ValueRange parts) -> SmallVector<Value> {
          Value first = emit::loadIndex(builder, loc, op.getLength(), head[0]);
          return {append(parts[0], first, op.getK(), head),
                  append(parts[1], first, op.getV(), head)};
        });
    SmallVector<Value> rest = emitter.rows(
        /*leading=*/1, {op.getStateFlags(), op.getLength()},
        [&](ValueRange row, ValueRange parts) -> SmallVector<Value> {
          Value first = lanes.loadNumber(parts[1]);
          Value length = emit::add(builder, loc, first,
                                   validTokens(op.getFlags(), row[0]));
          return {append(parts[0], first, op.getFlags(), row),
                  lanes.storeNumber(length, parts[1])};
        });
    return {entries[0], entries[1], rest[0], rest[1], op.getSeparatorEnd()};
  }

private:
  /// The lane with the new tokens, which `source` has behind `head`, from entry
  /// `first` on.
  Value append(Value lane, Value first, Value source, ValueRange head) {
    auto appendToken = [&](Value token,
                           ValueRange carried) -> SmallVector<Value> {
      SmallVector<Value> place(head);
      place.push_back(token);
      return {lanes.copyEntry(carried[0], emit::add(builder, loc, first, token),
                              source, place)};
    };
    return emitter.loop(index(0), validTokens(op.getFlags(), head[0]), lane,
                        appendToken)[0];
  }

  LaneEmitter lanes;
};

/// The same two steps.
class CompactLowering : OpLowering<SeparatorCacheCompactOp> {
public:
  CompactLowering(OpBuilder &builder, SeparatorCacheCompactOp op)
      : OpLowering(builder, op),
        cache(builder, op.getLoc(), SeparatorLayout::of(op)) {}

  SmallVector<Value> run() {
    SmallVector<Value> compacted = emitter.rows(
        /*leading=*/2, {op.getKeys(), op.getValues()},
        [&](ValueRange head, ValueRange lanes) {
          return compactEntries(head[0], lanes);
        });
    llvm::append_range(
        compacted,
        emitter.rows(
            /*leading=*/1,
            {op.getStateFlags(), op.getLength(), op.getSeparatorEnd()},
            [&](ValueRange, ValueRange parts) { return compactFlags(parts); }));
    return compacted;
  }

private:
  SmallVector<Value> compactEntries(Value row, ValueRange lanes) {
    Value flags = emitter.rowOf(op.getStateFlags(), row);
    Value length = emit::loadIndex(builder, loc, op.getLength(), row);
    Value end = emit::loadIndex(builder, loc, op.getSeparatorEnd(), row);
    return emitter.when(cache.isDue(length), lanes, [&] {
      Compaction plan = cache.plan(flags, length, end);
      return SmallVector<Value>{cache.compact(plan, lanes[0], flags),
                                cache.compact(plan, lanes[1], flags)};
    });
  }

  /// Of a row's flags, length and separator_end.
  SmallVector<Value> compactFlags(ValueRange parts) {
    Value length = cache.loadNumber(parts[1]);
    Value end = cache.loadNumber(parts[2]);
    return emitter.when(cache.isDue(length), parts, [&] {
      Compaction plan = cache.plan(parts[0], length, end);
      return SmallVector<Value>{cache.compact(plan, parts[0], parts[0]),
                                cache.storeNumber(plan.newLength, parts[1]),
                                cache.storeNumber(plan.newEnd, parts[2])};
    });
  }

  SeparatorCacheEmitter cache;
};
} // namespace

void effattn::populateSeparatorCacheToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<SeparatorCacheAppendOp, AppendLowering>,
               LowerOp<SeparatorCacheCompactOp, CompactLowering>>(
      patterns.getContext());
}
