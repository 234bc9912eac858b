//===- FoldCasts.cpp - Static sizes for ops with regions ------------------===//
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// An op of tensor.cast to less known sizes -> the op of the tensor itself.
///
/// MLIR has such a pattern for every op in destination style, but reads the
/// first block of each region, which a mask need not have; this one comes
/// before it.
struct FoldCastIntoRegionOp
    : OpInterfaceRewritePattern<DestinationStyleOpInterface> {
  FoldCastIntoRegionOp(MLIRContext *context)
      : OpInterfaceRewritePattern(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(DestinationStyleOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (!isa<EffAttnDialect>(op->getDialect()) || op->getNumRegions() == 0)
      return rewriter.notifyMatchFailure(op, "MLIR's pattern folds its casts");
    if (!tensor::hasFoldableTensorCastOperand(op))
      return rewriter.notifyMatchFailure(op, "no operand is a cast");
    SmallVector<Type> before(op->getResultTypes()), types = before;
    SmallVector<Value> operands =
        tensor::getUpdatedOperandsAfterCastOpFolding(op, types);
    rewriter.modifyOpInPlace(op, [&] {
      op->setOperands(operands);
      for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
        result.setType(type);
    });
    rewriter.setInsertionPointAfter(op);
    for (auto [result, type] : llvm::zip_equal(op->getResults(), before)) {
      if (result.getType() == type)
        continue;
      auto cast = tensor::CastOp::create(rewriter, op->getLoc(), type, result);
      rewriter.replaceAllUsesExcept(result, cast, cast);
    }
    return success();
  }
};
} // namespace

void EffAttnDialect::getCanonicalizationPatterns(
    RewritePatternSet &patterns) const {
  patterns.add<FoldCastIntoRegionOp>(patterns.getContext());
}
