//===- FirstPass.cpp - A pass in a plugin: drop windows that hide nothing -===//
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/MaskOps.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace {

/// window_mask {size} -> mask_and of nothing, where size >= the key count.
struct DropWideWindow : OpRewritePattern<effattn::WindowMaskOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(effattn::WindowMaskOp window,
                                PatternRewriter &rewriter) const override {
    auto attention = dyn_cast<effattn::AttentionOp>(window->getParentOp());
    if (!attention)
      return rewriter.notifyMatchFailure(window, "not in an attention");
    // Without them queries stand at positions below the key count.
    if (attention.getOffset() || attention.getKeyPositions())
      return rewriter.notifyMatchFailure(window, "positions come from data");
    int64_t keys = attention.getKey().getType().getDimSize(2);
    if (ShapedType::isDynamic(keys))
      return rewriter.notifyMatchFailure(window, "key count is dynamic");
    if (static_cast<int64_t>(window.getSize()) < keys)
      return rewriter.notifyMatchFailure(window, "some keys are outside");

    remark::passed(window.getLoc(),
                   remark::RemarkOpts::name("wide window").category("masks"))
        << remark::reason("a window of {0} hides none of {1} keys",
                          window.getSize(), keys);
    rewriter.replaceOpWithNewOp<effattn::MaskAndOp>(window, ValueRange());
    return success();
  }
};

struct DropWideWindowsPass : PassWrapper<DropWideWindowsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropWideWindowsPass)

  StringRef getArgument() const override { return "drop-wide-windows"; }
  StringRef getDescription() const override {
    return "drop window masks that hide no key";
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropWideWindow>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "FirstPass", "1.0",
          [] { PassRegistration<DropWideWindowsPass>(); }};
}
