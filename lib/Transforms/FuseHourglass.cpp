//===- FuseHourglass.cpp - A row goes through all blocks in the cache -----===//
#include "RowFusion.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEHOURGLASSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("hourglass-chain")
      .category("effattn-fuse-hourglass");
}

/// The hourglass that `op` continues, if nobody else wants its result.
static HourglassFFNOp getPrevious(HourglassFFNOp op) {
  auto previous = op.getX().getDefiningOp<HourglassFFNOp>();
  return previous && previous->hasOneUse() ? previous : HourglassFFNOp();
}

/// Whether another hourglass continues `op`, which then is the one to tile.
static bool isContinued(HourglassFFNOp op) {
  if (!op->hasOneUse())
    return false;
  auto next = dyn_cast<HourglassFFNOp>(*op->user_begin());
  return next && getPrevious(next) == op;
}

namespace {
struct FuseHourglassPass
    : effattn::impl::FuseHourglassPassBase<FuseHourglassPass> {
  void runOnOperation() override {
    SmallVector<HourglassFFNOp> ends;
    getOperation()->walk([&](HourglassFFNOp op) {
      bool hasLoops = cast<ShapedType>(op.getX().getType()).getRank() > 1;
      if (op->getNumResults() && hasLoops && getPrevious(op) &&
          !isContinued(op))
        ends.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (HourglassFFNOp end : ends)
      fuse(rewriter, end);
  }

  void fuse(IRRewriter &rewriter, HourglassFFNOp end) {
    SmallPtrSet<Operation *, 8> chain;
    for (HourglassFFNOp op = getPrevious(end); op; op = getPrevious(op))
      chain.insert(op);
    Location loc = end.getLoc();
    unsigned leading = cast<ShapedType>(end.getX().getType()).getRank() - 1;
    size_t count = chain.size() + 1;
    if (succeeded(fuseIntoTiles(
            rewriter, cast<TilingInterface>(end.getOperation()),
            getRowTileSizes(leading), /*recompute=*/false,
            [&](Operation *producer) { return chain.contains(producer); })))
      remark::passed(loc, describeRemark())
          << llvm::formatv("rows go through {0} hourglasses before the next "
                           "rows do",
                           count)
                 .str();
    else
      remark::missed(loc, describeRemark())
          << "the last hourglass could not be split into tiles";
  }
};
} // namespace
