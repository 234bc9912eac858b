namespace {
/// mask_and of one part -> the part. The rule of your pass stands here.
struct @CLASS@ : OpRewritePattern<effattn::MaskAndOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(effattn::MaskAndOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getParts().size() != 1)
      return rewriter.notifyMatchFailure(op, "not of one part");
    rewriter.replaceOp(op, op.getParts());
    return success();
  }
};
