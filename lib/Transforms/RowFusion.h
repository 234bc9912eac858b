//===- RowFusion.h - Compute producers tile by tile of their consumer -----===//
#ifndef EFFATTN_LIB_TRANSFORMS_ROWFUSION_H
#define EFFATTN_LIB_TRANSFORMS_ROWFUSION_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::effattn {

/// Rows that share a tile: enough for a pass over a weight matrix to pay, few
/// enough for them to stay in the first-level cache.
inline constexpr int64_t kRowTile = 8;

/// The loops of an op that run over its leading dimensions: tiles of kRowTile
/// rows of the last of them, one index of the others.
SmallVector<int64_t> getRowTileSizes(unsigned leading);

/// Turns `consumer` into a parallel loop over tiles (0: the whole dimension)
/// that computes what it needs of the producers `fuses` admits, and fills of
/// its destination, inside. A producer with other uses is also stored as a
/// whole, unless `recompute`: then it is computed again for them, or not at all
/// when there are none left.
LogicalResult fuseIntoTiles(RewriterBase &rewriter, TilingInterface consumer,
                            ArrayRef<int64_t> tileSizes, bool recompute,
                            function_ref<bool(Operation *producer)> fuses);

/// Lets those that ask results of `op` for sizes ask its destinations, which
/// have the same.
void redirectSizes(RewriterBase &rewriter, Operation *op);

/// Whether every use of `value` stands behind `op`, or is `op`.
bool isUsedFromHereOn(Value value, Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_ROWFUSION_H
