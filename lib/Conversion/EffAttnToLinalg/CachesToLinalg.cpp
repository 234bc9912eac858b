//===- CachesToLinalg.cpp - Keys and values that stay ---------------------===//
#include "CacheLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Every head of every row in parallel, then the lengths.
class KvCacheAppendLowering : OpLowering<KvCacheAppendOp> {
public:
  KvCacheAppendLowering(OpBuilder &builder, KvCacheAppendOp op)
      : OpLowering(builder, op), lanes(builder, op.getLoc()) {}

  SmallVector<Value> run() {
    SmallVector<Value> appended = emitter.rows(
        /*leading=*/2, {op.getKeys(), op.getValues()},
        [&](ValueRange at, ValueRange parts) -> SmallVector<Value> {
          return {append(at, op.getK(), parts[0]),
                  append(at, op.getV(), parts[1])};
        });
    appended.push_back(count());
    return appended;
  }

private:
  Value newTokens(Value row) { return validTokens(op.getK(), row, 2); }

  /// The entry of token number `token` where token 0 has entry `first`.
  Value entryOf(Value first, Value token, Value entries) {
    Value entry = emit::add(builder, loc, first, token);
    if (!op.getRing())
      return entry;
    // Both are at most `entries`, so that one subtraction wraps.
    return emit::select(builder, loc,
                        emit::lessThan(builder, loc, entry, entries), entry,
                        emit::sub(builder, loc, entry, entries));
  }

  /// `lane` [L, width] with the new tokens that `source` has for the head.
  Value append(ValueRange head, Value source, Value lane) {
    Value entries = emit::size(builder, loc, lane, 0);
    Value first = emit::loadIndex(builder, loc, op.getLength(), head[0]);
    if (op.getRing())
      first = arith::RemSIOp::create(
          builder, loc, first, emit::max(builder, loc, entries, index(1)));
    auto appendToken = [&](Value token,
                           ValueRange carried) -> SmallVector<Value> {
      return {lanes.copyEntry(carried[0], entryOf(first, token, entries),
                              source, {head[0], head[1], token})};
    };
    return emitter.loop(index(0), newTokens(head[0]), lane, appendToken)[0];
  }

  /// The lengths with the new tokens. Runs after the lanes have read them.
  Value count() {
    return emitter.update(op.getLength(), [&](OpBuilder &, Location,
                                              ValueRange row, Value previous) {
      Value tokens =
          emit::fromIndex(builder, loc, newTokens(row[0]), previous.getType());
      return emit::add(builder, loc, previous, tokens);
    });
  }

  LaneEmitter lanes;
};
} // namespace

void effattn::populateCachesToLinalgPatterns(RewritePatternSet &patterns) {
  populateCacheAttentionToLinalgPatterns(patterns);
  populateSeparatorCacheToLinalgPatterns(patterns);
  populateSeparatorCacheUpdateToLinalgPatterns(patterns);
  patterns.add<LowerOp<KvCacheAppendOp, KvCacheAppendLowering>>(
      patterns.getContext());
}
