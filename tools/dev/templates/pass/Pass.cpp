//===- @CLASS@.cpp - Combinations of one mask are that mask ---------------===//
#include "effattn/Dialect/MaskOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_@UPPER@PASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;

@PATTERN@

struct @CLASS@Pass : effattn::impl::@CLASS@PassBase<@CLASS@Pass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<@CLASS@>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
