//===- GatedTile.h - The gated layer of a tile of rows --------------------===//
#ifndef EFFATTN_LIB_CONVERSION_GATEDTILE_H
#define EFFATTN_LIB_CONVERSION_GATEDTILE_H

#include "TileProduct.h"
#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// The weights of a gated layer: what lies behind the `leading` indices of gate
/// and up [..., C, F] and down [..., F, C].
struct GatedWeights {
  Value gate, up, down;
  SmallVector<Value> leading;
};

/// sums += gated_ffn(rows) for the first `count` rows of two tiles [R, C]. A
/// block of hidden columns is made, activated and multiplied at a time.
Value emitGatedTile(OpBuilder &builder, Location loc, Value rows, Value count,
                    const GatedWeights &weights, Activation activation,
                    Value sums);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_GATEDTILE_H
