//===- LimitParallelism.cpp - Sequential where it must or should be -------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LIMITPARALLELISMPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Elements that take about as long as it takes to start threads.
static constexpr int64_t kFewElements = 4096;

static bool containsCheck(Operation *loop) {
  return loop->walk([](CheckOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

static bool isParallelLoop(Operation *op) {
  return isa<scf::ParallelOp, scf::ForallOp>(op);
}

static bool isInsideParallelLoop(Operation *op) {
  for (op = op->getParentOp(); op; op = op->getParentOp())
    if (isParallelLoop(op) && !containsCheck(op))
      return true;
  return false;
}

/// A loop nest over elements, without loops inside.
static bool isOverElements(scf::ParallelOp loop) {
  if (loop.getNumReductions() != 0)
    return false;
  return !loop.getBody()
              ->walk(
                  [](LoopLikeOpInterface) { return WalkResult::interrupt(); })
              .wasInterrupted();
}

/// Whether a loop over elements is known to have few.
static bool hasFewElements(scf::ParallelOp loop) {
  int64_t count = 1;
  for (Value bound : loop.getUpperBound()) {
    std::optional<int64_t> size = getConstantIntValue(bound);
    if (!size || *size > kFewElements)
      return false;
    count *= *size;
    if (count > kFewElements)
      return false;
  }
  return true;
}

/// Whether threads cost more to start than they save: for few elements, or for
/// a row of unknown length in each step of a sequential loop.
static bool isTooSmall(Operation *op) {
  auto loop = dyn_cast<scf::ParallelOp>(op);
  if (!loop || !isOverElements(loop))
    return false;
  if (hasFewElements(loop))
    return true;
  return loop.getNumLoops() == 1 && loop->getParentOfType<scf::ForOp>() &&
         !getConstantIntValue(loop.getUpperBound()[0]);
}

/// Makes the last dimension a sequential loop. As one parallel loop over all
/// dimensions it would find its indices by division at every element, and LLVM
/// would not vectorize it.
static void makeLastSequential(IRRewriter &rewriter, scf::ParallelOp loop) {
  Location loc = loop.getLoc();
  unsigned outer = loop.getNumLoops() - 1;
  rewriter.setInsertionPoint(loop);
  auto rows = scf::ParallelOp::create(
      rewriter, loc, loop.getLowerBound().take_front(outer),
      loop.getUpperBound().take_front(outer), loop.getStep().take_front(outer));
  rewriter.setInsertionPointToStart(rows.getBody());
  auto elements =
      scf::ForOp::create(rewriter, loc, loop.getLowerBound()[outer],
                         loop.getUpperBound()[outer], loop.getStep()[outer]);
  SmallVector<Value> indices(rows.getInductionVars());
  indices.push_back(elements.getInductionVar());
  rewriter.eraseOp(loop.getBody()->getTerminator());
  rewriter.inlineBlockBefore(loop.getBody(),
                             elements.getBody()->getTerminator(), indices);
  rewriter.eraseOp(loop);
}

namespace {
struct LimitParallelismPass
    : effattn::impl::LimitParallelismPassBase<LimitParallelismPass> {
  void runOnOperation() override {
    SmallVector<Operation *> sequential, parallel;
    getOperation()->walk([&](Operation *op) {
      if (!isParallelLoop(op))
        return;
      bool mustReturn = containsCheck(op);
      bool isSequential =
          mustReturn || isInsideParallelLoop(op) || isTooSmall(op);
      (isSequential ? sequential : parallel).push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : sequential) {
      rewriter.setInsertionPoint(op);
      LogicalResult done = success();
      if (auto forall = dyn_cast<scf::ForallOp>(op))
        done = scf::forallToForLoop(rewriter, forall);
      else
        done = LogicalResult(
            scf::parallelForToNestedFors(rewriter, cast<scf::ParallelOp>(op)));
      if (failed(done))
        return signalPassFailure();
    }
    for (Operation *op : parallel) {
      rewriter.setInsertionPoint(op);
      auto forall = dyn_cast<scf::ForallOp>(op);
      if (forall && failed(scf::forallToParallelLoop(rewriter, forall)))
        return signalPassFailure();
      auto loop = forall ? nullptr : cast<scf::ParallelOp>(op);
      if (loop && loop.getNumLoops() > 1 && isOverElements(loop))
        makeLastSequential(rewriter, loop);
    }
  }
};
} // namespace
