@LOWERING@

/// Replaces the ops of this dialect by linalg.
struct ConvertToLinalgPass : PassWrapper<ConvertToLinalgPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ConvertToLinalgPass)

  StringRef getArgument() const override { return "@DIALECT@-to-linalg"; }
  StringRef getDescription() const override {
    return "replace the ops of @DIALECT@ by linalg";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect>();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Lower@CLASS@>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
