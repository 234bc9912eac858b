//===- FuseProductTopK.cpp - The best slots without computing all ---------===//
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEPRODUCTTOPKPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("product-top-k")
      .category("effattn-fuse-product-top-k");
}

namespace {
/// top_k(product_softmax(x)) -> product_softmax_top_k(x): K prefixes a digit
/// in place of M slots.
struct FuseTopKOfProductSoftmax : OpRewritePattern<TopKOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TopKOp topK,
                                PatternRewriter &rewriter) const override {
    auto product = topK.getX().getDefiningOp<ProductSoftmaxOp>();
    if (!product)
      return rewriter.notifyMatchFailure(topK,
                                         "input is not a product_softmax");
    if (!product->hasOneUse()) {
      StringRef reason =
          "the slot values have other uses, so they exist anyway";
      remark::missed(topK.getLoc(), describeRemark()) << reason;
      return rewriter.notifyMatchFailure(topK, reason);
    }
    Block made;
    OpBuilder builder(rewriter.getContext());
    builder.setInsertionPointToEnd(&made);
    Location loc = fuseLocation(topK.getLoc(), {product, topK});
    auto best = ProductSoftmaxTopKOp::create(
        builder, loc, topK->getResultTypes(), product.getX(), topK.getValues(),
        topK.getIndices(), topK.getKAttr(), product.getTemperatureAttr(),
        rewriter.getBoolAttr(false));
    if (failed(insertIfValid(rewriter, made, topK))) {
      remark::missed(topK.getLoc(), describeRemark()) << kContradictorySizes;
      return rewriter.notifyMatchFailure(topK, kContradictorySizes);
    }
    remark::passed(topK.getLoc(), describeRemark())
        << "the best slots are searched digit by digit";
    rewriter.replaceOp(topK, best);
    rewriter.eraseOp(product);
    return success();
  }
};

struct FuseProductTopKPass
    : effattn::impl::FuseProductTopKPassBase<FuseProductTopKPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseTopKOfProductSoftmax>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
