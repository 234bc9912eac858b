//===- RaiseHourglass.cpp - Narrow residual blocks as hourglass_ffn -------===//
#include "TensorSum.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Dialect/NormOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_RAISEHOURGLASSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("hourglass-block")
      .category("effattn-raise-hourglass");
}

namespace {
/// x + gated_ffn(rms_norm(x)).
struct HourglassBlock {
  Value x;
  RMSNormOp norm;
  GatedFFNOp ffn;

  /// The block whose sum has the operands `x` and `branch`.
  static std::optional<HourglassBlock> match(Value x, Value branch) {
    auto ffn = branch.getDefiningOp<GatedFFNOp>();
    auto norm = ffn ? ffn.getX().getDefiningOp<RMSNormOp>() : RMSNormOp();
    if (!norm || norm.getX() != x)
      return std::nullopt;
    return HourglassBlock{x, norm, ffn};
  }
};
} // namespace

/// Why the block has to stay as it is, or nothing.
static StringRef whyNot(HourglassBlock block, const TensorSum &sum) {
  if (!sum.isElementwise)
    return "the addition broadcasts or transposes an operand";
  if (!block.ffn->hasOneUse() || !block.norm->hasOneUse())
    return "the norm or the feed-forward network has other uses";
  if (block.norm.getUnitOffset())
    return "the norm adds 1 to its weight, which hourglass_ffn does not";
  if (!cast<ShapedType>(block.x.getType()).getElementType().isF32())
    return "the norm and the network round their results, hourglass_ffn only "
           "the sum";
  return "";
}

/// `weight` as the only entry of a stack of weights: a view.
static Value stack(OpBuilder &builder, Location loc, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  SmallVector<int64_t> shape{1};
  llvm::append_range(shape, type.getShape());
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t dim = 2; dim <= type.getRank(); ++dim)
    groups.push_back({dim});
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(1)};
  llvm::append_range(sizes, tensor::getMixedSizes(builder, loc, weight));
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()), weight,
      groups, sizes);
}

static LogicalResult raise(IRRewriter &rewriter, Operation *sum,
                           HourglassBlock block) {
  Block made;
  OpBuilder builder(rewriter.getContext());
  builder.setInsertionPointToEnd(&made);
  Location loc = sum->getLoc();
  Value norm = stack(builder, loc, block.norm.getWeight());
  Value gate = stack(builder, loc, block.ffn.getGate());
  Value up = stack(builder, loc, block.ffn.getUp());
  Value down = stack(builder, loc, block.ffn.getDown());
  Value out = block.ffn.getOut();
  Value raised = HourglassFFNOp::create(
                     builder, fuseLocation(loc, {block.norm, block.ffn, sum}),
                     out.getType(), block.x, norm, gate, up, down, out,
                     block.ffn.getActivationAttr(), block.norm.getEpsilonAttr())
                     .getResult(0);
  if (raised.getType() != sum->getResult(0).getType())
    raised = tensor::CastOp::create(builder, loc, sum->getResult(0).getType(),
                                    raised);
  if (failed(insertIfValid(rewriter, made, sum)))
    return failure();
  rewriter.replaceOp(sum, raised);
  rewriter.eraseOp(block.ffn);
  rewriter.eraseOp(block.norm);
  return success();
}

namespace {
struct RaiseHourglassPass
    : effattn::impl::RaiseHourglassPassBase<RaiseHourglassPass> {
  void runOnOperation() override {
    SmallVector<Operation *> sums;
    getOperation()->walk([&](Operation *op) {
      if (TensorSum::match(op))
        sums.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : sums) {
      TensorSum sum = *TensorSum::match(op);
      std::optional<HourglassBlock> block =
          HourglassBlock::match(sum.lhs, sum.rhs);
      if (!block)
        block = HourglassBlock::match(sum.rhs, sum.lhs);
      if (!block)
        continue;
      Location loc = op->getLoc();
      StringRef reason = whyNot(*block, sum);
      if (reason.empty() && failed(raise(rewriter, op, *block)))
        reason = kContradictorySizes;
      if (reason.empty())
        remark::passed(loc, describeRemark())
            << "the block becomes an hourglass_ffn";
      else
        remark::missed(loc, describeRemark()) << reason;
    }
  }
};
} // namespace
