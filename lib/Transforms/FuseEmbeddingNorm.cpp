//===- FuseEmbeddingNorm.cpp - Normalise rows as they leave their table ---===//
#include "RowFusion.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/NormOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEEMBEDDINGNORMPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Not a tensor train: it packs cores whose strides do not suit its products,
/// which every tile would do anew, and it makes many rows at once.
static bool isEmbedding(Operation *op) {
  return isa<EmbeddingOp, QuantizedEmbeddingOp, SplitEmbeddingOp>(op);
}

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("embedding-norm")
      .category("effattn-fuse-embedding-norm");
}

/// Why the rows cannot be normalised where they are looked up, or nothing.
static StringRef whyNot(Operation *norm, Value rows) {
  if (cast<ShapedType>(rows.getType()).getRank() < 2)
    return "a single row is no loop";
  if (!isUsedFromHereOn(rows, norm))
    return "the rows are used before the norm";
  return "";
}

namespace {
struct FuseEmbeddingNormPass
    : effattn::impl::FuseEmbeddingNormPassBase<FuseEmbeddingNormPass> {
  void runOnOperation() override {
    SmallVector<TilingInterface> norms;
    getOperation()->walk([&](TilingInterface op) {
      if (!isa<RMSNormOp, LayerNormOp>(op))
        return;
      Operation *producer = op->getOperand(0).getDefiningOp();
      if (producer && isEmbedding(producer))
        norms.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (TilingInterface norm : norms)
      fuse(rewriter, norm);
  }

  void fuse(IRRewriter &rewriter, TilingInterface norm) {
    Value rows = norm->getOperand(0);
    Location loc = norm.getLoc();
    StringRef reason = whyNot(norm, rows);
    unsigned leading = cast<ShapedType>(rows.getType()).getRank() - 1;
    if (reason.empty() &&
        failed(fuseIntoTiles(rewriter, norm, getRowTileSizes(leading),
                             /*recompute=*/false, isEmbedding)))
      reason = "the norm could not be split into tiles";
    if (reason.empty())
      remark::passed(loc, describeRemark())
          << "rows are normalised where they are looked up";
    else
      remark::missed(loc, describeRemark()) << reason;
  }
};
} // namespace
