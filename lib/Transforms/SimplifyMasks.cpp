//===- SimplifyMasks.cpp - Drop the parts of masks that decide nothing ----===//
#include "MaskLogic.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_SIMPLIFYMASKSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts named(StringRef rule) {
  return remark::RemarkOpts::name(rule).category("effattn-simplify-masks");
}

static MaskUserOpInterface userOf(Operation *mask) {
  return cast<MaskUserOpInterface>(mask->getParentOp());
}

namespace {
/// Any mask that keeps all keys, or none -> mask_and or mask_or of nothing.
struct ReplaceConstantMask : OpInterfaceRewritePattern<MaskOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(MaskOpInterface mask,
                                PatternRewriter &rewriter) const override {
    Operation *op = mask;
    if (isa<MaskAndOp, MaskOrOp>(op) && op->getNumOperands() == 0)
      return rewriter.notifyMatchFailure(op, "mask is already constant");
    MaskLogic logic(userOf(op));
    MaskLiteral literal{op->getResult(0)};
    bool isFull = logic.isFull(literal);
    if (!isFull && !logic.isEmpty(literal))
      return rewriter.notifyMatchFailure(op,
                                         "mask is not known to be constant");
    remark::passed(op->getLoc(), named("ConstantMask")) << remark::reason(
        "{0} keeps {1} key of any query", op->getName().getStringRef(),
        isFull ? "every" : "no");
    if (isFull)
      rewriter.replaceOpWithNewOp<MaskAndOp>(op, ValueRange());
    else
      rewriter.replaceOpWithNewOp<MaskOrOp>(op, ValueRange());
    return success();
  }
};

/// mask_and(a, b) -> a where a implies b; mask_or(a, b) -> b likewise.
template <typename OpTy> struct DropRedundantParts : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    // mask_or(a, b) is not(mask_and(not a, not b)).
    bool negated = std::is_same_v<OpTy, MaskOrOp>;
    MaskLogic logic(userOf(op));
    SmallVector<Value> kept;
    SmallVector<Value> parts(op.getParts());
    for (auto [i, part] : llvm::enumerate(parts)) {
      MaskLiteral literal{part, negated};
      // Of equal parts the first stays.
      bool isRedundant = logic.isFull(literal);
      for (auto [j, other] : llvm::enumerate(parts)) {
        MaskLiteral stronger{other, negated};
        isRedundant |= j != i && logic.implies(stronger, literal) &&
                       (j < i || !logic.implies(literal, stronger));
      }
      if (!isRedundant)
        kept.push_back(part);
    }
    if (kept.size() == parts.size())
      return rewriter.notifyMatchFailure(op, "no part is known to follow from "
                                             "the others");
    remark::passed(op.getLoc(), named("RedundantParts")) << remark::reason(
        "{0} of {1} parts of {2} follow from the others",
        parts.size() - kept.size(), parts.size(), op->getName().getStringRef());
    rewriter.modifyOpInPlace(op, [&] { op.getPartsMutable().assign(kept); });
    return success();
  }
};

/// mask_and(not a, not b) -> not(mask_or(a, b)), and not(mask_and(not a, b)) ->
/// mask_or(a, not b) where the negations become fewer; likewise with and and or
/// exchanged. A part that is not negated stays outside of mask_not, which
/// would hide its columns.
template <typename OpTy, typename DualTy>
struct FactorNegation : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto isNegated = [](Value part) {
      return part.getDefiningOp<MaskNotOp>() && part.hasOneUse();
    };
    ValueRange parts = op.getParts();
    size_t negations = llvm::count_if(parts, isNegated);
    auto outer =
        op->hasOneUse() ? dyn_cast<MaskNotOp>(*op->user_begin()) : MaskNotOp();
    size_t before = negations + (outer ? 1 : 0);
    size_t after = parts.size() - negations + (outer ? 0 : 1);
    bool hidesParts = !outer && negations != parts.size();
    if (after >= before || hidesParts)
      return rewriter.notifyMatchFailure(op, "negations would not be fewer");
    remark::passed(op.getLoc(), named("FactorNegation"))
        << remark::reason("{0} negations become {1}", before, after);
    SmallVector<Value> duals;
    for (Value part : parts) {
      if (isNegated(part))
        duals.push_back(part.getDefiningOp<MaskNotOp>().getPart());
      else
        duals.push_back(MaskNotOp::create(rewriter, op.getLoc(), part));
    }
    Value dual = DualTy::create(rewriter, op.getLoc(), duals);
    if (outer)
      rewriter.replaceOp(outer, dual);
    else
      rewriter.replaceOpWithNewOp<MaskNotOp>(op, dual);
    return success();
  }
};

/// separator_mask -> causal_mask where it keeps every key up to the query.
struct SeparatorsToCausal : OpRewritePattern<SeparatorMaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SeparatorMaskOp op,
                                PatternRewriter &rewriter) const override {
    if (!MaskLogic(userOf(op)).isCausal(op))
      return rewriter.notifyMatchFailure(
          op, "keys may lie before the window and behind the initial ones");
    remark::passed(op.getLoc(), named("SeparatorsToCausal"))
        << remark::reason("window {0} or initial {1} reaches every key",
                          op.getWindow(), op.getInitial());
    rewriter.replaceOpWithNewOp<CausalMaskOp>(op);
    return success();
  }
};

/// A mask region that keeps every key -> no mask region.
struct DropFullRegion : OpInterfaceRewritePattern<MaskUserOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(MaskUserOpInterface user,
                                PatternRewriter &rewriter) const override {
    MaskOpInterface mask = user.getRootMask();
    if (!mask)
      return rewriter.notifyMatchFailure(user, "there is no mask");
    if (!MaskLogic(user).isFull({mask->getResult(0)}))
      return rewriter.notifyMatchFailure(user, "mask is not known to be full");
    remark::passed(user.getLoc(), named("DropFullRegion"))
        << remark::reason("the mask keeps every key");
    rewriter.eraseBlock(&user.getMaskRegion().front());
    return success();
  }
};

struct SimplifyMasksPass
    : effattn::impl::SimplifyMasksPassBase<SimplifyMasksPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<ReplaceConstantMask, DropRedundantParts<MaskAndOp>,
             DropRedundantParts<MaskOrOp>, FactorNegation<MaskAndOp, MaskOrOp>,
             FactorNegation<MaskOrOp, MaskAndOp>, SeparatorsToCausal,
             DropFullRegion>(&getContext());
    // Nested combinations are parts of the one around them.
    MaskAndOp::getCanonicalizationPatterns(patterns, &getContext());
    MaskOrOp::getCanonicalizationPatterns(patterns, &getContext());
    FrozenRewritePatternSet frozen(std::move(patterns));
    SmallVector<MaskUserOpInterface> users;
    getOperation()->walk(
        [&](MaskUserOpInterface user) { users.push_back(user); });
    for (MaskUserOpInterface user : users)
      simplify(user, frozen);
  }

  void simplify(MaskUserOpInterface user,
                const FrozenRewritePatternSet &patterns) {
    if (!user.getRootMask())
      return;
    // The rewriter would erase it, and its region is looked at afterwards.
    if (isOpTriviallyDead(user)) {
      user.erase();
      return;
    }
    if (auto attention = dyn_cast<AttentionOp>(user.getOperation());
        attention && attention.getKeyPositions())
      remark::missed(user.getLoc(), named("UnknownPositions"))
          << remark::reason("key_positions may hold any position, so sizes "
                            "and offset decide nothing");
    SmallVector<Operation *> ops{user};
    for (Operation &op : user.getMaskRegion().front().without_terminator())
      ops.push_back(&op);
    // Order and number of rewrites are bounded: every rule but one removes
    // parts or ops, and that one removes negations.
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    (void)applyOpPatternsGreedily(ops, patterns, config);
    eraseUnused(user.getMaskRegion());
  }

  /// Parts that were dropped, uses before definitions.
  static void eraseUnused(Region &region) {
    if (region.empty())
      return;
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(region.front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};
} // namespace
