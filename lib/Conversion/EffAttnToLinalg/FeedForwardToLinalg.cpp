//===- FeedForwardToLinalg.cpp - Feed-forward networks --------------------===//
#include "GatedTile.h"
#include "MoeLowering.h"
#include "OpLowering.h"
#include "RowTiles.h"
#include "WideSum.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Tiles of rows in parallel, each through all layers of the op.
template <typename Op> class LayerLowering : protected OpLowering<Op> {
protected:
  LayerLowering(OpBuilder &builder, Op op)
      : OpLowering<Op>(builder, op), tile(builder, loc),
        width(emit::size(builder, loc, op.getOut(), lastDim())) {}

  using OpLowering<Op>::op;
  using OpLowering<Op>::builder;
  using OpLowering<Op>::loc;
  using OpLowering<Op>::emitter;

  /// `layers` gets `count` rows of x in an f32 tensor, which it may overwrite,
  /// and returns those of out in one.
  SmallVector<Value> overTiles(function_ref<Value(Value, Value)> layers) {
    Value out = op.getOut();
    if (llvm::is_contained(cast<ShapedType>(out.getType()).getShape(), 0))
      return {out};
    RowTiles tiles(builder, loc, out);
    auto body = [&](const RowTile &box,
                    ValueRange parts) -> SmallVector<Value> {
      Value made = layers(tiles.load(box, op.getX()), box.rows);
      return {tiles.store(box, made, parts[0])};
    };
    return tiles.parallel(out, /*perTile=*/{}, body);
  }

  TileEmitter tile;
  Value width;

private:
  int64_t lastDim() {
    return cast<ShapedType>(op.getOut().getType()).getRank() - 1;
  }
};

class GatedFFNLowering : LayerLowering<GatedFFNOp> {
public:
  GatedFFNLowering(OpBuilder &builder, GatedFFNOp op)
      : LayerLowering(builder, op) {}

  SmallVector<Value> run() {
    return overTiles([&](Value rows, Value count) {
      Value sums = tile.clear(tile.tileLike(rows), count, width);
      GatedWeights weights{op.getGate(), op.getUp(), op.getDown(), {}};
      return emitGatedTile(builder, loc, rows, count, weights,
                           op.getActivation(), sums);
    });
  }
};

class HourglassFFNLowering : LayerLowering<HourglassFFNOp> {
public:
  HourglassFFNLowering(OpBuilder &builder, HourglassFFNOp op)
      : LayerLowering(builder, op) {}

  SmallVector<Value> run() {
    return overTiles([&](Value rows, Value count) {
      SmallVector<Value> carried{rows, tile.tileLike(rows),
                                 tile.tileLike(rows)};
      Value blocks = emit::size(builder, loc, op.getNorm(), 0);
      return emitter.loop(index(0), blocks, carried,
                          [&](Value block, ValueRange inner) {
                            return addBlock(block, count, inner);
                          })[0];
    });
  }

private:
  /// Carries the rows, and scratch for their norms and for what is added.
  SmallVector<Value> addBlock(Value block, Value count, ValueRange carried) {
    Value rows = carried[0];
    auto writeNorm = [&](Value row, ValueRange outer) {
      return normalize(rows, row, block, outer[0]);
    };
    Value normal = emitter.loop(index(0), count, carried[1], writeNorm)[0];
    Value sums = tile.clear(carried[2], count, width);
    GatedWeights weights{op.getGate(), op.getUp(), op.getDown(), {block}};
    sums = emitGatedTile(builder, loc, normal, count, weights,
                         op.getActivation(), sums);
    // Summed apart: a large x would swallow the terms one by one.
    rows = tile.map(rows, count, width, [&](Value x, ValueRange at) -> Value {
      return arith::AddFOp::create(builder, loc, x, load(sums, at));
    });
    return {rows, normal, sums};
  }

  SmallVector<Value> normalize(Value rows, Value row, Value block,
                               Value normal) {
    auto element = [&](Value column) {
      return toF64(builder, loc, load(rows, {row, column}));
    };
    Value inverse =
        emitInverseRms(builder, loc, width, op.getEpsilon(), element);
    return emitter.loop(
        index(0), width, normal,
        [&](Value column, ValueRange carried) -> SmallVector<Value> {
          Value weight =
              toF64(builder, loc, load(op.getNorm(), {block, column}));
          Value scaled = arith::MulFOp::create(
              builder, loc,
              arith::MulFOp::create(builder, loc, element(column), inverse),
              weight);
          return {emitter.insert(
              emit::toFloat(builder, loc, scaled, builder.getF32Type()),
              carried[0], ValueRange{row, column})};
        });
  }
};

/// The matrix is taken out of its panels, and multiplied as any other.
class PackedMatmulLowering : OpLowering<PackedMatmulOp> {
public:
  PackedMatmulLowering(OpBuilder &builder, PackedMatmulOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    Value out = op.getOut();
    SmallVector<OpFoldResult> sizes = emitter.sizes(out);
    Value matrix = unpack(sizes.back());
    Value zero = real(builder.getF32Type(), 0);
    Type element = cast<ShapedType>(out.getType()).getElementType();
    if (element.isF32())
      return {multiply(matrix, emitter.fill(zero, out))};
    Value sums = multiply(matrix, emitter.filled(sizes, zero));
    return {emitter.map(sums, out,
                        [&](OpBuilder &nested, Location loc, ValueRange at) {
                          return emit::toFloat(nested, loc, at[0], element);
                        })};
  }

private:
  /// [C, columns].
  Value unpack(OpFoldResult columns) {
    Value panels = op.getPanels();
    Type element = cast<ShapedType>(panels.getType()).getElementType();
    Value width = emit::size(builder, loc, panels, 2);
    Value empty = emitter.empty({emitter.sizes(panels)[1], columns}, element);
    return emitter.generate(
        empty, [&](OpBuilder &nested, Location loc, ValueRange at) {
          Value panel = arith::DivUIOp::create(nested, loc, at[1], width);
          Value column = arith::RemUIOp::create(nested, loc, at[1], width);
          return emit::load(nested, loc, panels, {panel, at[0], column});
        });
  }

  Value multiply(Value matrix, Value sums) {
    MLIRContext *context = builder.getContext();
    auto type = cast<RankedTensorType>(sums.getType());
    unsigned rank = type.getRank();
    // Rows, the column, what is summed.
    auto result = llvm::to_vector(llvm::seq<unsigned>(rank)), rows = result;
    rows.back() = rank;
    auto map = [&](ArrayRef<unsigned> dims) {
      return AffineMap::getMultiDimMapWithTargets(rank + 1, dims, context);
    };
    SmallVector<AffineMap> maps{map(rows), map({rank, rank - 1}), map(result)};
    SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
    loops.push_back(utils::IteratorType::reduction);
    auto addProduct = [&](OpBuilder &nested, Location loc, ValueRange args) {
      Type f32 = builder.getF32Type();
      Value product = arith::MulFOp::create(
          nested, loc, emit::toFloat(nested, loc, args[0], f32),
          emit::toFloat(nested, loc, args[1], f32));
      Value sum = arith::AddFOp::create(nested, loc, args[2], product);
      linalg::YieldOp::create(nested, loc, sum);
    };
    return linalg::GenericOp::create(builder, loc, type,
                                     ValueRange{op.getX(), matrix}, sums, maps,
                                     loops, addProduct)
        .getResult(0);
  }
};
} // namespace

void effattn::populateFeedForwardToLinalgPatterns(RewritePatternSet &patterns) {
  populateMoeRouteToLinalgPatterns(patterns);
  populateMoeFFNToLinalgPatterns(patterns);
  patterns.add<LowerOp<GatedFFNOp, GatedFFNLowering>,
               LowerOp<HourglassFFNOp, HourglassFFNLowering>,
               LowerOp<PackedMatmulOp, PackedMatmulLowering>>(
      patterns.getContext());
}
