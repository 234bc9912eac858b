//===- My.cpp - The dialect my as a plugin of effattn-opt -----------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#include <cmath>

#include "MyOpsDialect.h.inc"
#define GET_OP_CLASSES
#include "MyOps.h.inc"

using namespace mlir;
using namespace mlir::effattn;
using namespace my;

#include "MyOpsDialect.cpp.inc"
#define GET_OP_CLASSES
#include "MyOps.cpp.inc"

void MyDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "MyOps.cpp.inc"
      >();
}

// C1: x / cap is a number.
LogicalResult SoftCapOp::verify() {
  double cap = getCap();
  if (std::isfinite(cap) && cap > 0)
    return success();
  return emitOpError("expected cap to be finite and above 0, but got ") << cap;
}

namespace {
/// Element by element: cap * tanh(x / cap).
struct LowerSoftCap : OpRewritePattern<SoftCapOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SoftCapOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "operands are not tensors");
    rewriter.replaceOpWithNewOp<linalg::MapOp>(
        op, op.getX(), op.getOut(),
        [&](OpBuilder &builder, Location loc, ValueRange elements) {
          Value x =
              emit::toFloat(builder, loc, elements[0], builder.getF32Type());
          Value cap = emit::f32(builder, loc, op.getCap());
          Value ratio = arith::DivFOp::create(builder, loc, x, cap);
          Value bounded = math::TanhOp::create(builder, loc, ratio);
          Value out = arith::MulFOp::create(builder, loc, bounded, cap);
          linalg::YieldOp::create(
              builder, loc,
              emit::toFloat(builder, loc, out, elements[0].getType()));
        });
    return success();
  }
};

/// Replaces the ops of this dialect by linalg.
struct ConvertToLinalgPass : PassWrapper<ConvertToLinalgPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ConvertToLinalgPass)

  StringRef getArgument() const override { return "my-to-linalg"; }
  StringRef getDescription() const override {
    return "replace the ops of my by linalg";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect,
                    math::MathDialect>();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerSoftCap>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

/// What `--load-dialect-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "My", "0.1",
          [](DialectRegistry *registry) { registry->insert<MyDialect>(); }};
}

/// What `--load-pass-plugin` looks for.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "My", "0.1",
          [] { PassRegistration<ConvertToLinalgPass>(); }};
}
