//===- FuseDechunkResidual.cpp - h + dechunk(...) in one pass over tokens -===//
#include "TensorSum.h"
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEDECHUNKRESIDUALPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// The dechunk whose tokens are `value`.
static DechunkOp getDechunk(Value value) {
  auto dechunk = value.getDefiningOp<DechunkOp>();
  return dechunk && dechunk.getResult(0) == value ? dechunk : DechunkOp();
}

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("dechunk-residual")
      .category("effattn-fuse-dechunk-residual");
}

/// Why the sum has to stay, or nothing.
static StringRef whyNot(DechunkOp dechunk, const TensorSum &sum, Value residual,
                        const DominanceInfo &dominance) {
  if (!sum.isElementwise)
    return "the addition broadcasts or transposes an operand";
  if (!dechunk.getResult(0).hasOneUse())
    return "the tokens of dechunk have other uses";
  if (dechunk.getResidual())
    return "dechunk has a residual already";
  if (!cast<RankedTensorType>(dechunk.getOut().getType())
           .getElementType()
           .isF32())
    return "dechunk rounds its tokens before the addition, with a residual "
           "only after it";
  if (dechunk.getLengths())
    return "padding tokens keep the residual here, but with a residual inside "
           "dechunk they are 0";
  if (!dominance.properlyDominates(residual, dechunk))
    return "the residual is computed after dechunk";
  return "";
}

/// dechunk(...) + h -> dechunk(...) residual(h): one pass over the tokens.
static LogicalResult fuse(Operation *op, RewriterBase &rewriter,
                          const DominanceInfo &dominance) {
  std::optional<TensorSum> sum = TensorSum::match(op);
  if (!sum)
    return rewriter.notifyMatchFailure(op, "not a sum of two tensors");
  DechunkOp dechunk = getDechunk(sum->lhs);
  Value residual = sum->rhs;
  if (!dechunk) {
    dechunk = getDechunk(sum->rhs);
    residual = sum->lhs;
  }
  if (!dechunk)
    return rewriter.notifyMatchFailure(op,
                                       "no operand is the result of dechunk");
  StringRef reason = whyNot(dechunk, *sum, residual, dominance);
  if (!reason.empty()) {
    remark::missed(op->getLoc(), describeRemark()) << reason;
    return rewriter.notifyMatchFailure(op, reason);
  }

  // Write where the sum would have been written, if that is known early enough
  // and is not read.
  Value destination = sum->destination;
  bool isFree = destination && destination != residual &&
                destination.getType() == dechunk.getOut().getType() &&
                dominance.properlyDominates(destination, dechunk);
  rewriter.modifyOpInPlace(dechunk, [&] {
    dechunk->setLoc(fuseLocation(dechunk.getLoc(), {dechunk, op}));
    dechunk.getResidualMutable().assign(residual);
    if (isFree)
      dechunk.getOutMutable().assign(destination);
  });
  remark::passed(op->getLoc(), describeRemark())
      << "the residual is added inside dechunk";
  Value tokens = dechunk.getResult(0);
  if (tokens.getType() != op->getResult(0).getType())
    tokens = tensor::CastOp::create(rewriter, op->getLoc(),
                                    op->getResult(0).getType(), tokens);
  rewriter.replaceOp(op, tokens);
  return success();
}

namespace {
struct FuseAddF : OpRewritePattern<arith::AddFOp> {
  FuseAddF(MLIRContext *context, const DominanceInfo &dominance)
      : OpRewritePattern(context), dominance(dominance) {}
  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override {
    return fuse(op, rewriter, dominance);
  }
  const DominanceInfo &dominance;
};

struct FuseLinalgSum : OpInterfaceRewritePattern<linalg::LinalgOp> {
  FuseLinalgSum(MLIRContext *context, const DominanceInfo &dominance)
      : OpInterfaceRewritePattern(context), dominance(dominance) {}
  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    return fuse(op, rewriter, dominance);
  }
  const DominanceInfo &dominance;
};

struct FuseDechunkResidualPass
    : effattn::impl::FuseDechunkResidualPassBase<FuseDechunkResidualPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseAddF, FuseLinalgSum>(&getContext(),
                                          getAnalysis<DominanceInfo>());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
