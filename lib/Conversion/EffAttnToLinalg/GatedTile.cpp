//===- GatedTile.cpp - The gated layer of a tile of rows ------------------===//
#include "GatedTile.h"
#include "../../CodeGen/Activation.h"

using namespace mlir;
using namespace mlir::effattn;

Value effattn::emitGatedTile(OpBuilder &builder, Location loc, Value rows,
                             Value count, const GatedWeights &weights,
                             Activation activation, Value sums) {
  TileEmitter tile(builder, loc);
  Value zero = emit::index(builder, loc, 0);
  unsigned dim = weights.leading.size();
  Value width = emit::size(builder, loc, weights.gate, dim);
  Value hidden = emit::size(builder, loc, weights.gate, dim + 1);
  auto addHidden = [&](Value first, Value columns, ValueRange carried) {
    auto layer = [&](Value matrix, Value block) {
      return tile.product(
          rows, count,
          Matrix{matrix, weights.leading, zero, first, width, columns}, block);
    };
    Value gate = layer(weights.gate, carried[1]);
    Value up = layer(weights.up, carried[2]);
    Value gated =
        tile.map(gate, count, columns, [&](Value h, ValueRange at) -> Value {
          return arith::MulFOp::create(
              builder, loc, emitActivation(builder, loc, activation, h),
              emit::load(builder, loc, up, at));
        });
    // What is left of `up` serves as the block of the last product.
    Matrix down{weights.down, weights.leading, first, zero, columns, width};
    SmallVector<Value> added =
        tile.addProduct(gated, count, down, carried[0], up);
    return SmallVector<Value>{added[0], gated, added[1]};
  };
  return tile.overBlocks(
      hidden, {sums, tile.blockLike(rows), tile.blockLike(rows)}, addHidden)[0];
}
