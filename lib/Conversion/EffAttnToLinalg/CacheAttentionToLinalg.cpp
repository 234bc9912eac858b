//===- CacheAttentionToLinalg.cpp - Queries that are a cache's last entries ==//
#include "CacheAttention.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Every key head in parallel: its entries made ready once, then token by
/// token.
class CacheAttentionLowering : OpLowering<CacheAttentionOp> {
public:
  CacheAttentionLowering(OpBuilder &builder, CacheAttentionOp op)
      : OpLowering(builder, op), attention(builder, op) {}

  SmallVector<Value> run() {
    if (llvm::is_contained(cast<ShapedType>(op.getOut().getType()).getShape(),
                           0))
      return {op.getOut()};
    attention.prepare(longestRow());
    SmallVector<OpFoldResult> sizes = emitter.sizes(op.getKeys());
    sizes.truncate(2);
    return emitter.parallel(
        sizes, op.getOut(), [&](ValueRange at, ValueRange outs) {
          CacheAttention::Place place{at[0], at[1]};
          Value out = attendAll(place, attention.headsOf(outs[0], place));
          return SmallVector<std::pair<Value, LinalgEmitter::Slice>>{
              {out, attention.sliceOf(outs[0], place)}};
        });
  }

private:
  Value lengthOf(Value row) {
    return emit::loadIndex(builder, loc, op.getLength(), row);
  }

  Value longestRow() {
    Value rows = emit::size(builder, loc, op.getLength(), 0);
    return emitter.loop(
        index(0), rows, index(0), [&](Value row, ValueRange longest) {
          return SmallVector<Value>{
              emit::max(builder, loc, longest[0], lengthOf(row))};
        })[0];
  }

  Value attendAll(const CacheAttention::Place &place, Value out) {
    Value keys = emitter.rowOf(op.getKeys(), {place.row, place.group});
    Value values = emitter.rowOf(op.getValues(), {place.row, place.group});
    Value length = lengthOf(place.row);
    Value tokens = validTokens(op.getQ(), place.row, 2);
    Value first = emit::sub(builder, loc, length, tokens);
    // Without a query no entry is read.
    Value read = emit::select(builder, loc,
                              emit::lessThan(builder, loc, index(0), tokens),
                              length, index(0));
    CacheBuffers buffers =
        attention.refresh(keys, values, index(0), read, attention.allocate());
    SmallVector<Value> carried{out};
    llvm::append_range(carried, buffers.list());
    carried = emitter.loop(
        index(0), tokens, carried, [&](Value token, ValueRange carried) {
          auto [written, next] = attention.attend(
              place, token, emit::add(builder, loc, first, token), keys, values,
              carried[0], buffers.with(carried.drop_front()));
          SmallVector<Value> result{written};
          llvm::append_range(result, next.list());
          return result;
        });
    return attention.clear(carried[0], tokens,
                           emit::size(builder, loc, op.getQ(), 2));
  }

  CacheAttention attention;
};
} // namespace

void effattn::populateCacheAttentionToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<CacheAttentionOp, CacheAttentionLowering>>(
      patterns.getContext());
}
