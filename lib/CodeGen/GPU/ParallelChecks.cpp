//===- ParallelChecks.cpp - Loops of checks as parallel kernels -----------===//
#include "ParallelChecks.h"
#include "KernelEmitter.h"
#include "KernelLaunch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::effattn;

/// Threads that are worth having when a loop inside of an iteration is shared
/// out: what fills a large GPU once.
static constexpr int64_t kSharingThreads = int64_t(1) << 14;

/// Part of the names of the kernels.
static constexpr llvm::StringLiteral kStem = "check";

//===----------------------------------------------------------------------===//
// Which loops
//===----------------------------------------------------------------------===//

static bool onlyLoads(Operation *op) {
  if (isa<CheckOp>(op) || isMemoryEffectFree(op))
    return true;
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  return effects && effects.onlyHasEffect<MemoryEffects::Read>();
}

/// Counts up from 0 by 1 and carries nothing.
static bool isPlainLoop(scf::ForOp loop) {
  return loop.getNumResults() == 0 &&
         matchPattern(loop.getLowerBound(), m_Zero()) &&
         matchPattern(loop.getStep(), m_One());
}

static bool contains(Operation *op, function_ref<bool(Operation *)> matches) {
  return op
      ->walk([&](Operation *nested) {
        return matches(nested) ? WalkResult::interrupt()
                               : WalkResult::advance();
      })
      .wasInterrupted();
}

/// What makes the order of iterations matter, or is no business of checks.
static bool isHindrance(Operation *op) {
  if (op->getNumRegions() == 0)
    return !onlyLoads(op);
  if (isa<scf::IfOp>(op))
    return false;
  bool checks =
      contains(op, [](Operation *nested) { return isa<CheckOp>(nested); });
  auto loop = dyn_cast<scf::ForOp>(op);
  return !loop || (checks && loop.getNumResults() != 0);
}

scf::ForOp effattn::getCheckLoop(Operation *op) {
  auto loop = dyn_cast<scf::ForOp>(op);
  bool checks =
      contains(op, [](Operation *nested) { return isa<CheckOp>(nested); });
  return loop && checks && isPlainLoop(loop) && !contains(op, isHindrance)
             ? loop
             : nullptr;
}

/// The loop that is all of another's body, with bounds known outside of both.
static scf::ForOp getNested(scf::ForOp outermost, scf::ForOp loop) {
  auto inner = dyn_cast<scf::ForOp>(loop.getBody()->front());
  bool isAll = inner && inner->getNextNode() == loop.getBody()->getTerminator();
  return isAll && isPlainLoop(inner) &&
                 outermost.isDefinedOutsideOfLoop(inner.getUpperBound())
             ? inner
             : nullptr;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
/// Nested loops whose iterations are numbered in their order.
class CheckNest {
public:
  CheckNest(OpBuilder &builder, scf::ForOp loop);

  gpu::LaunchOp launchLook(FailureRecord &record);
  gpu::LaunchOp launchRepetition(FailureRecord &record);

private:
  /// Of the iteration with these indices.
  Value number(OpBuilder &builder, ValueRange indices);
  /// Copies an iteration to the builder.
  void cloneIteration(OpBuilder &builder, ValueRange indices);

  OpBuilder &builder;
  Location loc;
  SmallVector<scf::ForOp> loops;
  SmallVector<Value> trips;
  Value total;
};
} // namespace

CheckNest::CheckNest(OpBuilder &builder, scf::ForOp loop)
    : builder(builder), loc(loop.getLoc()) {
  total = emit::index(builder, loc, 1);
  for (scf::ForOp at = loop; at; at = getNested(loop, at)) {
    loops.push_back(at);
    trips.push_back(emit::max(builder, loc, emit::index(builder, loc, 0),
                              at.getUpperBound()));
    total = emit::mul(builder, loc, total, trips.back());
  }
}

Value CheckNest::number(OpBuilder &builder, ValueRange indices) {
  Value number = indices[0];
  for (size_t d = 1; d < trips.size(); ++d)
    number = emit::add(builder, loc, emit::mul(builder, loc, number, trips[d]),
                       indices[d]);
  return number;
}

void CheckNest::cloneIteration(OpBuilder &builder, ValueRange indices) {
  IRMapping mapping;
  for (auto [loop, index] : llvm::zip(loops, indices))
    mapping.map(loop.getInductionVar(), index);
  for (Operation &op : loops.back().getBody()->without_terminator())
    builder.clone(op, mapping);
}

/// The plain loop that an iteration ends with, or null.
static scf::ForOp getLastLoop(Block *iteration) {
  Operation *terminator = iteration->getTerminator();
  auto loop = dyn_cast_or_null<scf::ForOp>(terminator->getPrevNode());
  return loop && isPlainLoop(loop) ? loop : nullptr;
}

/// Leaves to this thread every `step`th iteration, from `first` on.
static void shareOut(scf::ForOp loop, Value first, Value step) {
  loop.setLowerBound(first);
  loop.setStep(step);
}

gpu::LaunchOp CheckNest::launchLook(FailureRecord &record) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  SmallVector<Value> high(trips);
  bool isShared = getLastLoop(loops.back().getBody()) != nullptr;
  if (isShared)
    high.push_back(arith::CeilDivUIOp::create(
        builder, loc, emit::index(builder, loc, kSharingThreads),
        emit::max(builder, loc, total, one)));
  SmallVector<Value> low(high.size(), zero), step(high.size(), one);
  Value iteration;
  auto parallel = scf::ParallelOp::create(
      builder, loc, low, high, step,
      [&](OpBuilder &nested, Location, ValueRange indices) {
        iteration = emit::fromIndex(nested, loc, number(nested, indices),
                                    nested.getI64Type());
        cloneIteration(nested, indices);
      });
  if (isShared)
    shareOut(getLastLoop(parallel.getBody()),
             parallel.getInductionVars().back(), high.back());
  gpu::LaunchOp launch = launchParallel(builder, parallel);
  launch.setFunctionAttr(SymbolRefAttr::get(builder.getContext(), kStem));
  record.noteFailures(launch, iteration);
  return launch;
}

gpu::LaunchOp CheckNest::launchRepetition(FailureRecord &record) {
  Value one = emit::index(builder, loc, 1);
  auto launch = KernelEmitter::launch(
      builder, loc, kStem, one, /*threads=*/1, [&](KernelEmitter &e) {
        Value first = record.emitFirstNoted(e.builder);
        e.choose(e.lessThan(first, total),
                 [&] { cloneIteration(e.builder, e.split(first, trips)); });
      });
  record.recordFailures(launch);
  return launch;
}

SmallVector<gpu::LaunchOp> effattn::launchChecks(OpBuilder &builder,
                                                 scf::ForOp loop,
                                                 FailureRecord &record) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop);
  CheckNest nest(builder, loop);
  SmallVector<gpu::LaunchOp> launches{nest.launchLook(record),
                                      nest.launchRepetition(record)};
  loop.erase();
  return launches;
}
