//===- FuseNormMatmul.cpp - Normalise rows where they are multiplied ------===//
#include "Contraction.h"
#include "RowFusion.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/NormOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSENORMMATMULPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static bool isNorm(Operation *op) { return isa<RMSNormOp, LayerNormOp>(op); }

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("norm-matmul")
      .category("effattn-fuse-norm-matmul");
}

/// Whether a contraction sums over the last dimension of `operand`, and the
/// others are rows of the result. Each tile of columns normalises its rows
/// again, at a small share of what it multiplies.
static bool multipliesRows(linalg::LinalgOp op, const ContractionLoops &loops,
                           OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  unsigned rank = map.getNumResults();
  if (rank < 2 || !map.isProjectedPermutation() ||
      !llvm::is_contained(loops.reductions, map.getDimPosition(rank - 1)))
    return false;
  return llvm::all_of(llvm::seq(rank - 1), [&](unsigned dim) {
    return llvm::is_contained(loops.rows, map.getDimPosition(dim));
  });
}

/// The tiles in which `op` would multiply the rows of a norm.
static SmallVector<int64_t> getTiles(Operation *op) {
  if (std::optional<ContractionLoops> loops = ContractionLoops::of(op)) {
    auto linalgOp = cast<linalg::LinalgOp>(op);
    for (OpOperand *input : linalgOp.getDpsInputOperands()) {
      Operation *producer = input->get().getDefiningOp();
      if (producer && isNorm(producer))
        return multipliesRows(linalgOp, *loops, *input)
                   ? loops->getTileSizes()
                   : SmallVector<int64_t>();
    }
    return {};
  }
  auto ffn = dyn_cast<GatedFFNOp>(op);
  Operation *producer = ffn ? ffn.getX().getDefiningOp() : nullptr;
  if (!producer || !isNorm(producer))
    return {};
  return getRowTileSizes(cast<ShapedType>(ffn.getX().getType()).getRank() - 1);
}

namespace {
struct FuseNormMatmulPass
    : effattn::impl::FuseNormMatmulPassBase<FuseNormMatmulPass> {
  void runOnOperation() override {
    SmallVector<std::pair<TilingInterface, SmallVector<int64_t>>> products;
    getOperation()->walk([&](TilingInterface op) {
      SmallVector<int64_t> tiles = getTiles(op);
      if (!tiles.empty())
        products.emplace_back(op, std::move(tiles));
    });
    IRRewriter rewriter(&getContext());
    for (auto &[product, tiles] : products) {
      Location loc = product.getLoc();
      if (succeeded(fuseIntoTiles(rewriter, product, tiles,
                                  /*recompute=*/true, isNorm)))
        remark::passed(loc, describeRemark())
            << "rows are normalised where they are multiplied";
      else
        remark::missed(loc, describeRemark())
            << "the product could not be split into tiles";
    }
  }
};
} // namespace
