//===- FuseSeparatorCache.cpp - A step of a separator cache as one op -----===//
#include "RowFusion.h"
#include "effattn/Dialect/CacheOps.h"
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_FUSESEPARATORCACHEPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("separator-cache")
      .category("effattn-fuse-separator-cache");
}

/// The state that an op on a separator cache takes.
template <typename Op> static SmallVector<Value> stateOf(Op op) {
  return {op.getKeys(), op.getValues(), op.getStateFlags(), op.getLength(),
          op.getSeparatorEnd()};
}

/// The op whose results are `state`, or null.
template <typename Op> static Op getMaker(ArrayRef<Value> state) {
  auto op = state.front().getDefiningOp<Op>();
  return op && llvm::equal(op->getResults(), state) ? op : Op();
}

/// Users of what `op` makes, beside those that only ask for its sizes.
static SmallVector<Operation *> usersOf(Operation *op) {
  return llvm::filter_to_vector(op->getUsers(), [](Operation *user) {
    return !isa<tensor::DimOp>(user);
  });
}

namespace {
/// New entries, the queries that attend from them, and the compaction: before
/// or behind the attention.
struct CacheStep {
  SeparatorCacheAppendOp append;
  SeparatorCacheCompactOp compact;
  CacheAttentionOp attention;
  CompactionTime order;

  static std::optional<CacheStep> match(CacheAttentionOp attention);
  /// Why the step has to stay as it is, or nothing.
  StringRef whyNot();

private:
  bool isOneToken();
};
} // namespace

std::optional<CacheStep> CacheStep::match(CacheAttentionOp attention) {
  SmallVector<Value> seen = stateOf(attention);
  if (auto compact = getMaker<SeparatorCacheCompactOp>(seen)) {
    auto append = getMaker<SeparatorCacheAppendOp>(stateOf(compact));
    if (!append)
      return std::nullopt;
    return CacheStep{append, compact, attention,
                     CompactionTime::BeforeAttention};
  }
  auto append = getMaker<SeparatorCacheAppendOp>(seen);
  if (!append)
    return std::nullopt;
  for (Operation *user : append->getUsers()) {
    auto compact = dyn_cast<SeparatorCacheCompactOp>(user);
    if (compact && stateOf(compact) == seen)
      return CacheStep{append, compact, attention,
                       CompactionTime::AfterAttention};
  }
  return std::nullopt;
}

bool CacheStep::isOneToken() {
  auto isOne = [](Value tensor, unsigned dim) {
    return cast<ShapedType>(tensor.getType()).getDimSize(dim) == 1;
  };
  return (isOne(append.getK(), 2) || isOne(append.getV(), 2) ||
          isOne(append.getFlags(), 1)) &&
         isOne(attention.getQ(), 2);
}

StringRef CacheStep::whyNot() {
  if (SeparatorLayout::of(append) != SeparatorLayout::of(compact))
    return "append and compaction have other attributes";
  if (compact.getWhen() != order)
    return order == CompactionTime::AfterAttention
               ? "the compaction stands behind the attention, but `when` says "
                 "before"
               : "the compaction stands before the attention, but `when` says "
                 "after";
  if (!isOneToken())
    return "it is not known that there is one token, and several would be "
           "compacted once, not one by one";
  if (append.getLengths() || attention.getLengths())
    return "with lengths a row may have no new token, and is compacted here "
           "all the same";
  if (getElementTypeOrSelf(attention.getOut().getType()) !=
      getElementTypeOrSelf(attention.getKeys().getType()))
    return "the queries are of another type than the keys, in whose type the "
           "result would be";
  auto isPart = [&](Operation *op) { return op == attention || op == compact; };
  if (!llvm::all_of(usersOf(append), isPart))
    return "the state between append and compaction has other uses";
  if (append->getBlock() != attention->getBlock() ||
      compact->getBlock() != attention->getBlock())
    return "the ops do not stand in one block";
  DominanceInfo dominance;
  bool isCompactedLater = llvm::all_of(usersOf(compact), [&](Operation *user) {
    return isPart(user) ||
           dominance.properlyDominates(attention.getOperation(), user);
  });
  return isCompactedLater ? ""
                          : "the compacted state is used before the attention";
}

/// Where the attention stands all operands exist.
static LogicalResult fuse(RewriterBase &rewriter, CacheStep step) {
  SeparatorCacheAppendOp append = step.append;
  CacheAttentionOp attention = step.attention;
  for (Operation *op : {step.compact.getOperation(), append.getOperation()})
    redirectSizes(rewriter, op);
  Block made;
  OpBuilder builder(rewriter.getContext());
  builder.setInsertionPointToEnd(&made);
  auto update = SeparatorCacheUpdateOp::create(
      builder,
      fuseLocation(attention.getLoc(), {append, attention, step.compact}),
      append.getK(), append.getV(), append.getFlags(), attention.getQ(),
      /*lengths=*/Value(), append.getKeys(), append.getValues(),
      append.getStateFlags(), append.getLength(), append.getSeparatorEnd(),
      attention.getOut(), append.getInitialAttr(), append.getSeparatorsAttr(),
      append.getWindowAttr(), append.getCapacityAttr(), append.getWhenAttr(),
      PrefillAttr::get(rewriter.getContext(), Prefill::Stepwise),
      attention.getScaleAttr(), attention.getPositionsAttr(),
      attention.getRopeBaseAttr(), attention.getRopeDimsAttr(),
      attention.getRopeLayoutAttr());
  if (failed(insertIfValid(rewriter, made, attention)))
    return failure();
  rewriter.replaceOp(attention, update->getResults().back());
  rewriter.replaceOp(step.compact, update->getResults().drop_back());
  rewriter.eraseOp(append);
  return success();
}

static LogicalResult tryToFuse(RewriterBase &rewriter,
                               CacheAttentionOp attention) {
  std::optional<CacheStep> step = CacheStep::match(attention);
  if (!step)
    return rewriter.notifyMatchFailure(
        attention, "no append and compaction of the state around");
  Location loc = attention.getLoc();
  StringRef reason = step->whyNot();
  if (reason.empty() && failed(fuse(rewriter, *step)))
    reason = kContradictorySizes;
  if (!reason.empty()) {
    remark::missed(loc, describeRemark()) << reason;
    return rewriter.notifyMatchFailure(loc, reason);
  }
  remark::passed(loc, describeRemark())
      << "append, attention and compaction are one step";
  return success();
}

namespace {
struct FuseSeparatorCachePass
    : effattn::impl::FuseSeparatorCachePassBase<FuseSeparatorCachePass> {
  void runOnOperation() override {
    SmallVector<CacheAttentionOp> attentions;
    getOperation()->walk(
        [&](CacheAttentionOp op) { attentions.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (CacheAttentionOp attention : attentions)
      (void)tryToFuse(rewriter, attention);
  }
};
} // namespace
