//===- @CLASS@.cpp - A pass as a plugin of effattn-opt --------------------===//
#include "effattn/Dialect/MaskOps.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

@PATTERN@

struct @CLASS@Pass : PassWrapper<@CLASS@Pass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(@CLASS@Pass)

  StringRef getArgument() const override { return "@FLAG@"; }
  StringRef getDescription() const override {
    return "replace a combination of one mask by that mask";
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<@CLASS@>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "@CLASS@", "0.1",
          [] { PassRegistration<@CLASS@Pass>(); }};
}
