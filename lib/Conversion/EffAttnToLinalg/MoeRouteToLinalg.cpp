//===- MoeRouteToLinalg.cpp - Choose experts ------------------------------===//
#include "MemoryLowering.h"
#include "MoeLowering.h"
#include "OpLowering.h"
#include "RowTiles.h"
#include "TileProduct.h"
#include "WideSum.h"
#include "effattn/Dialect/FeedForwardOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Tiles of tokens in parallel. Each leaves the sum of its probabilities, from
/// which and from the choices the load balance follows.
///
/// Experts are ranked by their logits: in f32, probabilities of all that lie
/// 104 below the largest are 0. Where they are NaN, all of a token are, and
/// equal.
class MoeRouteLowering : OpLowering<MoeRouteOp> {
public:
  MoeRouteLowering(OpBuilder &builder, MoeRouteOp op)
      : OpLowering(builder, op), tile(builder, loc, /*isUniform=*/true),
        experts(emit::size(builder, loc, op.getW(), 1)) {}

  SmallVector<Value> run() {
    Value gates = op.getGates(), chosen = op.getExperts();
    ArrayRef<int64_t> shape = cast<ShapedType>(gates.getType()).getShape();
    if (op.getK() == 0 || llvm::is_contained(shape, 0))
      return {gates, chosen,
              emitter.fill(emit::f32(builder, loc, 0.0), op.getLoadBalance())};
    RowTiles tiles(builder, loc, op.getX());
    SmallVector<OpFoldResult> sizes(tiles.grid());
    sizes.push_back(emitter.sizes(op.getW())[1]);
    Value sums = emitter.empty(sizes, builder.getF32Type());
    SmallVector<Value> routed = tiles.parallel(
        {gates, chosen}, sums, [&](const RowTile &box, ValueRange parts) {
          return routeTile(tiles, box, parts);
        });
    Value balance = loadBalance(routed[1], routed[2]);
    return {routed[0], routed[1], emitter.fill(balance, op.getLoadBalance())};
  }

private:
  /// `parts`: gates, experts, and the sums of the probabilities.
  SmallVector<Value> routeTile(RowTiles &tiles, const RowTile &box,
                               ValueRange parts) {
    Value logits = tileLogits(tiles, box);
    Value probabilities = tileProbabilities(logits, box);
    Value sums = emitter.fill(emit::f32(builder, loc, 0.0), parts[2]);
    sums = emitter.loop(index(0), box.rows, sums,
                        [&](Value row, ValueRange carried) {
                          return addRow(probabilities, row, carried[0]);
                        })[0];
    SmallVector<Value> chosen =
        emitter.loop(index(0), box.rows, parts.take_front(2),
                     [&](Value row, ValueRange carried) -> SmallVector<Value> {
                       SmallVector<Value> place = tiles.placeOf(box, row);
                       SmallVector<Value> best =
                           chooseExperts(logits, probabilities, row,
                                         {emitter.rowOf(carried[0], place),
                                          emitter.rowOf(carried[1], place)});
                       if (op.getNormalize())
                         best[0] = emitNormalized(builder, loc, best[0]);
                       return {emitter.insertRow(best[0], carried[0], place),
                               emitter.insertRow(best[1], carried[1], place)};
                     });
    return {chosen[0], chosen[1], sums};
  }

  /// `parts`: gates and experts of a token.
  SmallVector<Value> chooseExperts(Value logits, Value probabilities, Value row,
                                   ValueRange parts) {
    auto probability = [&](Value expert) {
      return load(probabilities, {row, expert});
    };
    auto key = [&](Value expert) {
      Value gate = probability(expert);
      Value isNaN = emit::isNaN(builder, loc, gate);
      return emit::select(builder, loc, isNaN, gate,
                          load(logits, {row, expert}));
    };
    return emitTopKRow(builder, loc, experts, key, probability, parts);
  }

  /// x w of the rows of a tile.
  Value tileLogits(RowTiles &tiles, const RowTile &box) {
    Value width = emit::size(builder, loc, op.getW(), 0);
    Value rows = tiles.load(box, op.getX());
    Value logits =
        emitter.empty({emitter.sizes(rows)[0], emitter.sizes(op.getW())[1]},
                      builder.getF32Type());
    logits = tile.clear(logits, box.rows, experts);
    Matrix w{op.getW(), {}, index(0), index(0), width, experts};
    return tile.addProduct(rows, box.rows, w, logits, tile.blockLike(rows))[0];
  }

  Value tileProbabilities(Value logits, const RowTile &box) {
    return emitter.loop(
        index(0), box.rows, tile.tileLike(logits),
        [&](Value row, ValueRange carried) -> SmallVector<Value> {
          auto logit = [&](Value expert) {
            return load(logits, {row, expert});
          };
          return {emitSoftmax(builder, loc, experts, /*temperature=*/1.0, logit,
                              carried[0], row)
                      .probabilities};
        })[0];
  }

  SmallVector<Value> addRow(Value probabilities, Value row, Value sums) {
    return emitter.loop(
        index(0), experts, sums,
        [&](Value expert, ValueRange carried) -> SmallVector<Value> {
          Value sum =
              arith::AddFOp::create(builder, loc, load(carried[0], expert),
                                    load(probabilities, {row, expert}));
          return {emitter.insert(sum, carried[0], expert)};
        });
  }

  /// X sum_e f_e P_e, or 0 without tokens.
  Value loadBalance(Value chosen, Value sums) {
    Value zero = real(builder.getF64Type(), 0.0);
    Value counts = emitter.filled(emitter.sizes(op.getW())[1], zero);
    Value one = real(builder.getF64Type(), 1.0);
    SmallVector<OpFoldResult> places = emitter.sizes(chosen);
    counts = emitter.overPlaces(
        places, counts,
        [&](ValueRange place, ValueRange carried) -> SmallVector<Value> {
          Value expert = emit::loadIndex(builder, loc, chosen, place);
          Value next = arith::AddFOp::create(builder, loc,
                                             load(carried[0], expert), one);
          return {emitter.insert(next, carried[0], expert)};
        })[0];
    Value weighted = emitter.overPlaces(
        emitter.sizes(sums), zero,
        [&](ValueRange place, ValueRange carried) -> SmallVector<Value> {
          Value term =
              arith::MulFOp::create(builder, loc, load(counts, place.back()),
                                    toF64(builder, loc, load(sums, place)));
          return {arith::AddFOp::create(builder, loc, carried[0], term)};
        })[0];
    return scale(weighted, places);
  }

  /// X / (choices tokens) times the sum over experts of choices and summed
  /// probabilities.
  Value scale(Value weighted, ArrayRef<OpFoldResult> places) {
    Value tokens = index(1);
    for (OpFoldResult size : places.drop_back())
      tokens = emit::mul(builder, loc, tokens,
                         getValueOrCreateConstantIndexOp(builder, loc, size));
    Value count = toF64(builder, loc, tokens);
    Value choices = arith::MulFOp::create(
        builder, loc, count, real(builder.getF64Type(), double(op.getK())));
    Value balance = arith::MulFOp::create(
        builder, loc, arith::DivFOp::create(builder, loc, weighted, choices),
        arith::DivFOp::create(builder, loc, toF64(builder, loc, experts),
                              count));
    balance = emit::toFloat(builder, loc, balance, builder.getF32Type());
    return emit::select(builder, loc,
                        emit::equal(builder, loc, tokens, index(0)),
                        emit::f32(builder, loc, 0.0), balance);
  }

  TileEmitter tile;
  Value experts;
};
} // namespace

void effattn::populateMoeRouteToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<MoeRouteOp, MoeRouteLowering>>(patterns.getContext());
}
