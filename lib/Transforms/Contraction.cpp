//===- Contraction.cpp - Tiles and loop orders of matrix products ---------===//
#include "Contraction.h"
#include "LoopSizes.h"
#include "RowFusion.h"

using namespace mlir;
using namespace mlir::effattn;

/// Columns that share a tile. With kRowTile rows, the results (16 KiB of f32)
/// and a row of the second input stay in the first-level cache; products of
/// few rows are still shared out.
static constexpr int64_t kColumnTile = 512;

std::optional<ContractionLoops> ContractionLoops::of(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalg::isaContractionOpInterface(linalgOp) ||
      findSizeConflict(linalgOp))
    return std::nullopt;
  AffineMap result =
      linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
  if (result.getNumResults() == 0)
    return std::nullopt;
  ContractionLoops loops;
  loops.column = result.getDimPosition(result.getNumResults() - 1);
  for (auto [loop, kind] : llvm::enumerate(linalgOp.getIteratorTypesArray())) {
    if (kind == utils::IteratorType::reduction)
      loops.reductions.push_back(loop);
    else if (loop != loops.column)
      loops.rows.push_back(loop);
  }
  loops.columnIsContiguous =
      llvm::any_of(linalgOp.getDpsInputOperands(), [&](OpOperand *input) {
        AffineMap map = linalgOp.getMatchingIndexingMap(input);
        return map.getNumResults() != 0 &&
               map.getDimPosition(map.getNumResults() - 1) == loops.column;
      });
  return loops;
}

SmallVector<int64_t> ContractionLoops::getTileSizes() const {
  SmallVector<int64_t> sizes(rows.size() + reductions.size() + 1, 0);
  for (auto [loop, size] : llvm::zip(rows, getRowTileSizes(rows.size())))
    sizes[loop] = size;
  sizes[column] = kColumnTile;
  return sizes;
}

SmallVector<unsigned> ContractionLoops::getLoopOrder() const {
  SmallVector<unsigned> order(rows);
  if (!columnIsContiguous) {
    order.push_back(column);
    llvm::append_range(order, reductions);
    return order;
  }
  // A row of the second input is read once for all rows of the tile.
  SmallVector<unsigned> last;
  if (!order.empty())
    last.push_back(order.pop_back_val());
  llvm::append_range(order, reductions);
  llvm::append_range(order, last);
  order.push_back(column);
  return order;
}
