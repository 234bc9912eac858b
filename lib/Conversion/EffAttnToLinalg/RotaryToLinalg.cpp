//===- RotaryToLinalg.cpp - Rotary positions of queries and keys ----------===//
#include "AttentionLowering.h"
#include "OpLowering.h"
#include "Rotary.h"
#include "effattn/Dialect/AttentionOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Tokens of an iteration, which share its sines and cosines.
static constexpr int64_t kTile = 32;

namespace {
/// The angles of a token once for all its heads; tiles of tokens in parallel.
/// In a tile, a token that stands next to the one before turns by a step more.
class RotaryLowering : OpLowering<RotaryEmbeddingOp> {
public:
  RotaryLowering(OpBuilder &builder, RotaryEmbeddingOp op)
      : OpLowering(builder, op),
        rotary(builder, loc, op.getLayout(), op.getBase(), op.getScaling(),
               op.emitDims(builder)) {}

  SmallVector<Value> run() {
    steps = rotary.steps();
    Value tokens = emit::size(builder, loc, op.getX(), 2);
    Value tiles =
        arith::CeilDivUIOp::create(builder, loc, tokens, index(kTile));
    return emitter.parallel({emitter.sizes(op.getX())[0], tiles}, op.getOut(),
                            [&](ValueRange tile, ValueRange outputs) {
                              return lowerTile(tile[0], tile[1], outputs[0]);
                            });
  }

private:
  /// Tokens [kTile * tile, ...) of a batch row.
  SmallVector<std::pair<Value, LinalgEmitter::Slice>>
  lowerTile(Value batch, Value tile, Value out) {
    Value first = emit::mul(builder, loc, tile, index(kTile));
    Value tokens = emit::size(builder, loc, op.getX(), 2);
    Value height = emit::min(builder, loc, index(kTile),
                             emit::sub(builder, loc, tokens, first));
    SmallVector<OpFoldResult> sizes = emitter.sizes(out);
    Attribute start = builder.getIndexAttr(0), unit = builder.getIndexAttr(1);
    LinalgEmitter::Slice slice{{batch, start, first, start},
                               {unit, sizes[1], height, sizes[3]}};
    Value part = emitter.extract(out, slice);
    // The position before the first token is not looked at.
    SmallVector<Value> carried{part, index(0)};
    llvm::append_range(carried, rotary.emptyTurns());
    part = emitter.loop(index(0), height, carried,
                        [&](Value i, ValueRange carried) {
                          Value token = emit::add(builder, loc, first, i);
                          return lowerToken(batch, token, i, carried);
                        })[0];
    return {{part, slice}};
  }

  /// `carried`: the tile of out, then the position and the turns of the token
  /// before.
  SmallVector<Value> lowerToken(Value batch, Value token, Value tokenInTile,
                                ValueRange carried) {
    Value position = load(op.getPositions(), {batch, token});
    Value number = emit::toIndex(builder, loc, position), zero = index(0);
    Value follows = emit::logicalAnd(
        builder, loc, emit::lessThan(builder, loc, zero, tokenInTile),
        emit::equal(builder, loc, number,
                    emit::add(builder, loc, carried[1], index(1))));
    SmallVector<Value> turns =
        rotary.turnTo(position, follows, steps, carried.drop_front(2));
    Value heads = emit::size(builder, loc, op.getX(), 1);
    auto rotateHead = [&](Value head, ValueRange out) -> SmallVector<Value> {
      SmallVector<Value> place{zero, head, tokenInTile};
      Value row =
          rotary.rotate(emitter.rowOf(op.getX(), {batch, head, token}),
                        turns[0], turns[1], emitter.rowOf(out[0], place));
      return {emitter.insertRow(row, out[0], place)};
    };
    SmallVector<Value> next{
        emitter.loop(zero, heads, carried[0], rotateHead)[0], number};
    llvm::append_range(next, turns);
    return next;
  }

  Rotary rotary;
  SmallVector<Value> steps;
};
} // namespace

void effattn::populateRotaryToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<RotaryEmbeddingOp, RotaryLowering>>(
      patterns.getContext());
}
