//===- FuseAddressDecode.cpp - Search and shift as one op -----------------===//
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSEADDRESSDECODEPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("address-decode")
      .category("effattn-fuse-address-decode");
}

/// B x T x (U P) against B x T x U x P.
static SmallVector<ReassociationIndices> digitsOfWidth() {
  return {{0}, {1}, {2, 3}};
}

/// The op before which all operands of the fused op exist and no result has
/// been used: the search, or the shift. Null where there is none.
static Operation *choosePlace(ProductSoftmaxTopKOp topK, CyclicShiftOp shift,
                              const DominanceInfo &dominance) {
  if (dominance.properlyDominates(shift.getPositions(), topK) &&
      dominance.properlyDominates(shift.getOut(), topK))
    return topK;
  bool areWeightsUsedLater =
      llvm::all_of(topK->getResult(0).getUsers(), [&](Operation *user) {
        return dominance.properlyDominates(shift, user);
      });
  return areWeightsUsedLater ? shift : nullptr;
}

/// Why the two ops have to stay apart, or nothing.
static StringRef whyNot(ProductSoftmaxTopKOp topK, CyclicShiftOp shift) {
  auto type = cast<RankedTensorType>(topK.getX().getType());
  if (!topK->getResult(1).hasOneUse())
    return "the slots have other uses before they turn";
  if (type.isDynamicDim(2) || type.isDynamicDim(3))
    return "the digits or values per digit of x are dynamic, those of the "
           "shift are not";
  if (type.getDimSize(2) != int64_t(shift.getDigits()))
    return "x and the shift differ in their digits";
  if (type.getDimSize(3) != int64_t(shift.getBase()))
    return "x and the shift differ in their values per digit";
  return "";
}

/// The logits before they were split into digits, or joined again.
static Value joinDigits(OpBuilder &builder, ProductSoftmaxTopKOp topK) {
  auto split = topK.getX().getDefiningOp<tensor::ExpandShapeOp>();
  if (split && split.getReassociationIndices() == digitsOfWidth())
    return split.getSrc();
  return tensor::CollapseShapeOp::create(builder, topK.getLoc(), topK.getX(),
                                         digitsOfWidth());
}

namespace {
/// cyclic_shift of the slots of product_softmax_top_k -> address_decode.
struct FuseShiftOfSearch : OpRewritePattern<CyclicShiftOp> {
  FuseShiftOfSearch(MLIRContext *context, const DominanceInfo &dominance)
      : OpRewritePattern(context), dominance(dominance) {}

  LogicalResult matchAndRewrite(CyclicShiftOp shift,
                                PatternRewriter &rewriter) const override {
    auto topK = shift.getIndices().getDefiningOp<ProductSoftmaxTopKOp>();
    if (!topK || shift.getIndices() != topK->getResult(1))
      return rewriter.notifyMatchFailure(
          shift, "indices are not the slots of a product_softmax_top_k");
    StringRef reason = whyNot(topK, shift);
    Operation *place = choosePlace(topK, shift, dominance);
    if (reason.empty() && !place)
      reason = "the weights are used before the positions exist";
    if (!reason.empty()) {
      remark::missed(shift.getLoc(), describeRemark()) << reason;
      return rewriter.notifyMatchFailure(shift, reason);
    }
    Block made;
    OpBuilder builder(rewriter.getContext());
    builder.setInsertionPointToEnd(&made);
    auto decode = AddressDecodeOp::create(
        builder, fuseLocation(shift.getLoc(), {topK, shift}),
        TypeRange{topK->getResult(0).getType(), shift->getResult(0).getType()},
        joinDigits(builder, topK), shift.getPositions(), topK.getValues(),
        shift.getOut(), shift.getDigitsAttr(), topK.getKAttr(),
        topK.getTemperatureAttr(), topK.getNormalizeAttr(), shift.getModeAttr(),
        shift.getPeriodsAttr(), shift.getStepsAttr());
    if (failed(insertIfValid(rewriter, made, place))) {
      remark::missed(shift.getLoc(), describeRemark()) << kContradictorySizes;
      return rewriter.notifyMatchFailure(shift, kContradictorySizes);
    }
    remark::passed(shift.getLoc(), describeRemark())
        << "the slots turn where they are found";
    rewriter.replaceAllUsesWith(topK->getResult(0), decode->getResult(0));
    rewriter.replaceOp(shift, decode->getResult(1));
    rewriter.eraseOp(topK);
    return success();
  }

  const DominanceInfo &dominance;
};

struct FuseAddressDecodePass
    : effattn::impl::FuseAddressDecodePassBase<FuseAddressDecodePass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseShiftOfSearch>(&getContext(),
                                    getAnalysis<DominanceInfo>());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
