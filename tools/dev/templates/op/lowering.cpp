namespace {
/// Element by element: x * factor.
struct Lower@CLASS@ : OpRewritePattern<@CLASS@Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(@CLASS@Op op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "operands are not tensors");
    rewriter.replaceOpWithNewOp<linalg::MapOp>(
        op, op.getX(), op.getOut(),
        [&](OpBuilder &builder, Location loc, ValueRange elements) {
          Value x =
              emit::toFloat(builder, loc, elements[0], builder.getF32Type());
          Value factor = emit::f32(builder, loc, op.getFactor());
          Value scaled = arith::MulFOp::create(builder, loc, x, factor);
          linalg::YieldOp::create(
              builder, loc,
              emit::toFloat(builder, loc, scaled, elements[0].getType()));
        });
    return success();
  }
};
