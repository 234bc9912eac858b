//===- SeparatorCacheUpdateToLinalg.cpp - Append, attend, compact ---------===//
#include "CacheAttention.h"
#include "SeparatorCache.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// A row of the cache between two tokens: the lanes that one iteration owns,
/// of which flags are the last.
struct Stream {
  SmallVector<Value> lanes;
  Value length, separatorEnd;

  SmallVector<Value> list() const {
    SmallVector<Value> values(lanes);
    values.append({length, separatorEnd});
    return values;
  }
  static Stream of(ValueRange values) {
    return {SmallVector<Value>(values.drop_back(2)), values.drop_back().back(),
            values.back()};
  }
};

/// Where a lane's new entries come from: a tensor, and the place of token 0's
/// entry without the token.
using Source = std::pair<Value, SmallVector<Value>>;

/// Every key head in parallel, token by token, on flags of its own; then flags
/// and lengths of every row, which all heads have read, by the same steps.
class UpdateLowering : OpLowering<SeparatorCacheUpdateOp> {
public:
  UpdateLowering(OpBuilder &builder, SeparatorCacheUpdateOp op)
      : OpLowering(builder, op), layout(SeparatorLayout::of(op)),
        cache(builder, loc, layout) {
    // Without anything to write, nobody attends.
    if (op.getQ() && !llvm::is_contained(
                         cast<ShapedType>(op.getOut().getType()).getShape(), 0))
      attention.emplace(builder, op);
  }

  SmallVector<Value> run() {
    SmallVector<Value> heads = updateHeads(), rows = updateRows();
    SmallVector<Value> results{heads[0], heads[1], rows[0], rows[1], rows[2]};
    if (op.getOut())
      results.push_back(attention ? heads[2] : op.getOut());
    return results;
  }

private:
  bool isBefore() { return layout.when == CompactionTime::BeforeAttention; }
  Value newTokens(Value row) { return validTokens(op.getFlags(), row); }
  Value numberOf(Value tensor, Value row) {
    return emit::loadIndex(builder, loc, tensor, row);
  }

  /// i1: a row that had no entry takes all its tokens uncompacted.
  Value isWhole(Value lengthAtEntry) {
    if (op.getPrefill() == Prefill::Stepwise)
      return emit::boolean(builder, loc, false);
    return emit::equal(builder, loc, lengthAtEntry, index(0));
  }

  SmallVector<Value> updateHeads();
  SmallVector<Value> updateRows();
  SmallVector<Value> updateHead(const CacheAttention::Place &place,
                                ValueRange parts);
  Value copyFlags(Value row);
  Value usedSlots();

  Stream take(const Stream &stream, ArrayRef<Source> sources, Value token);
  /// The stream after the compaction that is due, and whether one was.
  std::pair<Stream, Value> compact(const Stream &stream, Value isWhole);

  SeparatorLayout layout;
  SeparatorCacheEmitter cache;
  std::optional<CacheAttention> attention;
};
} // namespace

//===----------------------------------------------------------------------===//
// The steps
//===----------------------------------------------------------------------===//

Stream UpdateLowering::take(const Stream &stream, ArrayRef<Source> sources,
                            Value token) {
  Stream next = stream;
  for (auto [lane, source] : llvm::zip_equal(next.lanes, sources)) {
    SmallVector<Value> place(source.second);
    place.push_back(token);
    lane = cache.copyEntry(lane, stream.length, source.first, place);
  }
  next.length = emit::add(builder, loc, stream.length, index(1));
  return next;
}

std::pair<Stream, Value> UpdateLowering::compact(const Stream &stream,
                                                 Value isWhole) {
  Value isDue = emit::logicalAnd(builder, loc, cache.isDue(stream.length),
                                 emit::logicalNot(builder, loc, isWhole));
  // A loop of one step or none: behind a branch, lanes that one token has
  // written just before, outside of any loop, would be copied.
  Value steps = emit::select(builder, loc, isDue, index(1), index(0));
  auto compactOnce = [&](Value, ValueRange carried) {
    Stream full = Stream::of(carried);
    Value flags = full.lanes.back();
    Compaction plan = cache.plan(flags, full.length, full.separatorEnd);
    SmallVector<Value> values;
    for (Value lane : full.lanes)
      values.push_back(cache.compact(plan, lane, flags));
    values.append({plan.newLength, plan.newEnd});
    return values;
  };
  SmallVector<Value> next =
      emitter.loop(index(0), steps, stream.list(), compactOnce);
  return {Stream::of(next), isDue};
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Value> UpdateLowering::updateRows() {
  return emitter.rows(
      /*leading=*/1, {op.getStateFlags(), op.getLength(), op.getSeparatorEnd()},
      [&](ValueRange at, ValueRange parts) -> SmallVector<Value> {
        Stream start{
            {parts[0]}, cache.loadNumber(parts[1]), cache.loadNumber(parts[2])};
        Value whole = isWhole(start.length);
        Source flags{op.getFlags(), {at[0]}};
        auto step = [&](Value token, ValueRange carried) {
          Stream taken = take(Stream::of(carried), flags, token);
          return compact(taken, whole).first.list();
        };
        Stream end = Stream::of(
            emitter.loop(index(0), newTokens(at[0]), start.list(), step));
        return {end.lanes[0], cache.storeNumber(end.length, parts[1]),
                cache.storeNumber(end.separatorEnd, parts[2])};
      });
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// The flags of a row's entries in memory of its own.
Value UpdateLowering::copyFlags(Value row) {
  Value flags =
      emitter.empty(emitter.sizes(op.getStateFlags())[1], builder.getI1Type());
  return emitter.loop(
      index(0), numberOf(op.getLength(), row), flags,
      [&](Value entry, ValueRange carried) -> SmallVector<Value> {
        return {emitter.insert(load(op.getStateFlags(), {row, entry}),
                               carried[0], entry)};
      })[0];
}

/// `parts` are the head's keys and values, and its heads of out.
SmallVector<Value>
UpdateLowering::updateHead(const CacheAttention::Place &place,
                           ValueRange parts) {
  Stream start{{parts[0], parts[1], copyFlags(place.row)},
               numberOf(op.getLength(), place.row),
               numberOf(op.getSeparatorEnd(), place.row)};
  Value whole = isWhole(start.length);
  SmallVector<Value> head{place.row, place.group};
  SmallVector<Source> sources{
      {op.getK(), head}, {op.getV(), head}, {op.getFlags(), {place.row}}};
  unsigned streamSize = start.list().size();
  // Behind the stream: the entries that are ready to be read, out, buffers.
  SmallVector<Value> carried = start.list();
  CacheBuffers buffers;
  if (attention) {
    buffers = attention->allocate();
    carried.append({index(0), parts[2]});
    llvm::append_range(carried, buffers.list());
  }

  auto step = [&](Value token, ValueRange carried) {
    Stream stream =
        take(Stream::of(carried.take_front(streamSize)), sources, token);
    Value wasDue;
    if (!attention)
      return compact(stream, whole).first.list();
    Value ready = carried[streamSize];
    // A compaction leaves the initial entries where they are.
    auto compactReady = [&] {
      std::tie(stream, wasDue) = compact(stream, whole);
      Value kept = emit::min(builder, loc, ready, index(layout.initial));
      ready = emit::select(builder, loc, wasDue, kept, ready);
    };
    if (isBefore())
      compactReady();
    Value keys = stream.lanes[0], values = stream.lanes[1];
    CacheBuffers next =
        attention->refresh(keys, values, ready, stream.length,
                           buffers.with(carried.drop_front(streamSize + 2)));
    ready = stream.length;
    Value out;
    std::tie(out, next) = attention->attend(
        place, token, emit::sub(builder, loc, stream.length, index(1)), keys,
        values, carried[streamSize + 1], next);
    if (!isBefore())
      compactReady();
    SmallVector<Value> result = stream.list();
    result.append({ready, out});
    llvm::append_range(result, next.list());
    return result;
  };
  Value tokens = newTokens(place.row);
  carried = emitter.loop(index(0), tokens, carried, step);
  SmallVector<Value> result{carried[0], carried[1]};
  if (attention)
    result.push_back(
        attention->clear(carried[streamSize + 1], tokens,
                         emit::size(builder, loc, op.getFlags(), 1)));
  return result;
}

/// The most slots that a row has in use at any time.
Value UpdateLowering::usedSlots() {
  auto visit = [&](Value row, ValueRange most) -> SmallVector<Value> {
    Value length = numberOf(op.getLength(), row), tokens = newTokens(row);
    Value all = emit::add(builder, loc, length, tokens);
    Value full = emit::add(
        builder, loc, emit::max(builder, loc, length, index(layout.capacity)),
        index(1));
    Value used = emit::select(builder, loc, isWhole(length), all,
                              emit::min(builder, loc, all, full));
    return {emit::max(builder, loc, most[0], used)};
  };
  return emitter.loop(index(0), emit::size(builder, loc, op.getLength(), 0),
                      index(0), visit)[0];
}

SmallVector<Value> UpdateLowering::updateHeads() {
  SmallVector<Value> outputs{op.getKeys(), op.getValues()};
  if (attention) {
    attention->prepare(usedSlots());
    outputs.push_back(op.getOut());
  }
  SmallVector<OpFoldResult> sizes = emitter.sizes(op.getKeys());
  sizes.truncate(2);
  return emitter.parallel(sizes, outputs, [&](ValueRange at, ValueRange outs) {
    CacheAttention::Place place{at[0], at[1]};
    SmallVector<Value> parts{emitter.rowOf(outs[0], at),
                             emitter.rowOf(outs[1], at)};
    SmallVector<LinalgEmitter::Slice> slices{emitter.sliceOf(outs[0], at),
                                             emitter.sliceOf(outs[1], at)};
    if (attention) {
      parts.push_back(attention->headsOf(outs[2], place));
      slices.push_back(attention->sliceOf(outs[2], place));
    }
    SmallVector<std::pair<Value, LinalgEmitter::Slice>> result;
    for (auto [part, slice] : llvm::zip_equal(updateHead(place, parts), slices))
      result.emplace_back(part, slice);
    return result;
  });
}

void effattn::populateSeparatorCacheUpdateToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<SeparatorCacheUpdateOp, UpdateLowering>>(
      patterns.getContext());
}
