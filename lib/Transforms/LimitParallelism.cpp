//===- LimitParallelism.cpp - Sequential where it must or should be -------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

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

/// Whether threads cost more to start than they save.
static bool isTooSmall(Operation *op) {
  auto loop = dyn_cast<scf::ParallelOp>(op);
  return loop && isOverElements(loop) && hasFewElements(loop);
}

/// Makes the last dimension a sequential loop. As one parallel loop over all
/// dimensions it would find its indices by division at every element, and LLVM
/// would not vectorize it.
static scf::ParallelOp makeLastSequential(IRRewriter &rewriter,
                                          scf::ParallelOp loop) {
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
  return rows;
}

//===----------------------------------------------------------------------===//
// Loops whose number of elements is known when they run
//===----------------------------------------------------------------------===//

/// Ops of a body that there may be two of.
static constexpr int64_t kFewOps = 256;

static bool hasFewOps(scf::ParallelOp loop) {
  int64_t ops = 0;
  loop.getBody()->walk([&](Operation *) { ++ops; });
  return ops <= kFewOps;
}

/// Whether an op may take longer than an element, in a loop that is not seen.
static bool mayTakeLong(Operation &op) {
  return op
      .walk([](Operation *nested) {
        bool may = isa<LoopLikeOpInterface, CallOpInterface, memref::CopyOp,
                       linalg::LinalgOp>(nested);
        return may ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// How many elements a run of `body` visits in its loops, an index; null where
/// that is only known inside of `scope`.
static Value emitElements(OpBuilder &builder, Block &body, Operation *scope) {
  auto isKnown = [&](Value value) {
    return !scope->isAncestor(value.getParentRegion()->getParentOp());
  };
  Location loc = scope->getLoc();
  Value sum = emit::index(builder, loc, 1);
  for (Operation &op : body) {
    auto loop = dyn_cast<scf::ForOp>(op);
    if (!loop && mayTakeLong(op))
      return {};
    if (!loop)
      continue;
    Value inner = emitElements(builder, *loop.getBody(), scope);
    if (!inner || !isKnown(loop.getLowerBound()) ||
        !isKnown(loop.getUpperBound()))
      return {};
    Value length =
        emit::sub(builder, loc, loop.getUpperBound(), loop.getLowerBound());
    sum = emit::add(builder, loc, sum, emit::mul(builder, loc, length, inner));
  }
  return sum;
}

/// Whether a loop has no iteration to share, or few elements in all.
static Value emitIsShort(OpBuilder &builder, scf::ParallelOp loop) {
  Location loc = loop.getLoc();
  Value isOne = emit::boolean(builder, loc, true);
  Value elements = emitElements(builder, *loop.getBody(), loop);
  for (auto [lower, upper, step] :
       llvm::zip(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value length = emit::sub(builder, loc, upper, lower);
    isOne = emit::logicalAnd(builder, loc, isOne,
                             emit::lessEqual(builder, loc, length, step));
    if (elements)
      elements = emit::mul(builder, loc, elements, length);
  }
  if (!elements)
    return isOne;
  Value few = emit::lessEqual(builder, loc, elements,
                              emit::index(builder, loc, kFewElements));
  return emit::logicalOr(builder, loc, isOne, few);
}

/// A loop of which there is a sequential form for when it is short: a model
/// that takes one token has hundreds of those.
static void addSequentialForm(IRRewriter &rewriter, scf::ParallelOp loop) {
  if (loop.getNumReductions() != 0 || !hasFewOps(loop))
    return;
  rewriter.setInsertionPoint(loop);
  Value isShort = emitIsShort(rewriter, loop);
  if (matchPattern(isShort, m_Zero()))
    return;
  auto choice = scf::IfOp::create(rewriter, loop.getLoc(), isShort,
                                  /*withElseRegion=*/true);
  rewriter.setInsertionPoint(choice.thenYield());
  auto form = cast<scf::ParallelOp>(rewriter.clone(*loop));
  rewriter.setInsertionPoint(form);
  // Without reductions it cannot fail.
  (void)scf::parallelForToNestedFors(rewriter, form);
  rewriter.moveOpBefore(loop, choice.elseYield());
}

static LogicalResult verifyIsOnBuffers(Operation *loop) {
  if (!isa<scf::ForallOp>(loop) || loop->getNumResults() == 0)
    return success();
  return loop->emitOpError("expected no results, but got ")
         << loop->getNumResults() << "; bufferize before this pass";
}

static LogicalResult makeSequential(IRRewriter &rewriter, Operation *loop) {
  rewriter.setInsertionPoint(loop);
  if (auto forall = dyn_cast<scf::ForallOp>(loop))
    return scf::forallToForLoop(rewriter, forall);
  if (loop->getNumResults() != 0)
    return loop->emitOpError("runs in one thread here, for which it must not "
                             "have reductions; use scf.for");
  return LogicalResult(
      scf::parallelForToNestedFors(rewriter, cast<scf::ParallelOp>(loop)));
}

namespace {
struct LimitParallelismPass
    : effattn::impl::LimitParallelismPassBase<LimitParallelismPass> {
  using LimitParallelismPassBase::LimitParallelismPassBase;

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
    for (Operation *op : llvm::concat<Operation *>(sequential, parallel))
      if (failed(verifyIsOnBuffers(op)))
        return signalPassFailure();
    IRRewriter rewriter(&getContext());
    for (Operation *op : sequential)
      if (failed(makeSequential(rewriter, op)))
        return signalPassFailure();
    for (Operation *op : parallel) {
      rewriter.setInsertionPoint(op);
      auto loop = dyn_cast<scf::ParallelOp>(op);
      if (!loop) {
        if (failed(scf::forallToParallelLoop(rewriter, cast<scf::ForallOp>(op),
                                             &loop)))
          return signalPassFailure();
      } else if (loop.getNumLoops() > 1 && isOverElements(loop)) {
        loop = makeLastSequential(rewriter, loop);
      }
      if (threads)
        addSequentialForm(rewriter, loop);
    }
  }
};
} // namespace
