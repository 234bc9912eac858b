//===- KernelLaunch.cpp - Loops of the host as kernels --------------------===//
#include "KernelLaunch.h"
#include "../LoopEmitter.h"
#include "effattn/CodeGen/GPU/Runtime.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::effattn;

/// Threads of a block: enough for a multiprocessor to hide latency with, few
/// enough for any kernel's registers.
static constexpr int64_t kBlockThreads = 128;
/// What the threads of a kernel may allocate together.
static constexpr int64_t kScratchBytes = int64_t(64) << 20;
static constexpr int64_t kScratchAlignment = 64;

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

namespace {
/// What the allocations of an iteration become: parts of one buffer of the
/// host, a stretch of it for each thread.
class Scratch {
public:
  /// Looks for allocations inside of `body` and works out, in front of `user`,
  /// how large each is. What depends on the iteration stays an allocation.
  Scratch(OpBuilder &builder, Operation *user, Region &body);

  bool isEmpty() const { return allocations.empty(); }
  /// As many threads as the memory allows, at most `threads`.
  Value limitThreads(OpBuilder &builder, Value threads);
  /// Allocates for `threads` threads at the builder, and frees the memory
  /// behind `user`.
  void allocate(OpBuilder &builder, Value threads);
  /// Replaces the allocations by parts of the stretch of thread `thread`.
  void distribute(OpBuilder &builder, Value thread);

private:
  bool isHostValue(Value value) const;
  /// The value outside of the body, recomputed there if need be.
  Value hoist(OpBuilder &builder, Value value);
  Value emitBytes(OpBuilder &builder, memref::AllocOp allocation);

  Operation *user;
  Region &body;
  Location loc;
  IRMapping hoisted;
  SmallVector<memref::AllocOp> allocations;
  /// Where each begins in a stretch, and the bytes of the stretch.
  SmallVector<Value> offsets;
  Value stretch, buffer;
};
} // namespace

bool Scratch::isHostValue(Value value) const {
  return !body.isAncestor(value.getParentRegion());
}

/// The divisor of an integer division, which traps where it is 0.
static OpOperand *getDivisor(Operation *op) {
  bool divides =
      isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
          arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
  return divides ? &op->getOpOperand(1) : nullptr;
}

/// Makes an op that was guarded by a loop safe where the loop does not run.
static void makeSpeculatable(Operation *op) {
  OpOperand *divisor = getDivisor(op);
  if (!divisor)
    return;
  OpBuilder builder(op);
  Location loc = op->getLoc();
  Type type = divisor->get().getType();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getIntegerAttr(type, value));
  };
  Value isZero = emit::equal(builder, loc, divisor->get(), constant(0));
  divisor->set(emit::select(builder, loc, isZero, constant(1), divisor->get()));
}

Value Scratch::hoist(OpBuilder &builder, Value value) {
  if (isHostValue(value))
    return value;
  if (Value known = hoisted.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || (!isPure(op) && !getDivisor(op)))
    return nullptr;
  for (Value operand : op->getOperands())
    if (Value outside = hoist(builder, operand))
      hoisted.map(operand, outside);
    else
      return nullptr;
  makeSpeculatable(builder.clone(*op, hoisted));
  return hoisted.lookup(value);
}

Value Scratch::emitBytes(OpBuilder &builder, memref::AllocOp allocation) {
  MemRefType type = allocation.getType();
  int64_t fixed = getElementBytes(type);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      fixed *= size;
  Value bytes = emit::index(builder, loc, fixed);
  for (Value size : allocation.getDynamicSizes())
    bytes = emit::mul(builder, loc, bytes, hoist(builder, size));
  Value alignment = emit::index(builder, loc, kScratchAlignment);
  return emit::mul(builder, loc,
                   arith::CeilDivUIOp::create(builder, loc, bytes, alignment),
                   alignment);
}

Scratch::Scratch(OpBuilder &builder, Operation *user, Region &body)
    : user(user), body(body), loc(user->getLoc()) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(user);
  stretch = emit::index(builder, loc, 0);
  body.walk([&](memref::AllocOp allocation) {
    for (Value size : allocation.getDynamicSizes())
      if (!hoist(builder, size))
        return;
    offsets.push_back(stretch);
    allocations.push_back(allocation);
    stretch = emit::add(builder, loc, stretch, emitBytes(builder, allocation));
  });
}

Value Scratch::limitThreads(OpBuilder &builder, Value threads) {
  if (isEmpty())
    return threads;
  Value most = arith::DivUIOp::create(
      builder, loc, emit::index(builder, loc, kScratchBytes),
      emit::max(builder, loc, stretch, emit::index(builder, loc, 1)));
  return emit::min(builder, loc, threads,
                   emit::max(builder, loc, most, emit::index(builder, loc, 1)));
}

void Scratch::allocate(OpBuilder &builder, Value threads) {
  if (isEmpty())
    return;
  auto type =
      MemRefType::get({ShapedType::kDynamic}, builder.getIntegerType(8));
  buffer = memref::AllocOp::create(builder, loc, type,
                                   emit::mul(builder, loc, stretch, threads));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(user);
  memref::DeallocOp::create(builder, loc, buffer);
}

void Scratch::distribute(OpBuilder &builder, Value thread) {
  if (isEmpty())
    return;
  Value start = emit::mul(builder, loc, thread, stretch);
  for (auto [allocation, offset] : llvm::zip(allocations, offsets)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(allocation);
    Value view = memref::ViewOp::create(
        builder, allocation.getLoc(), allocation.getType(), buffer,
        emit::add(builder, loc, start, offset), allocation.getDynamicSizes());
    for (Operation *user : llvm::make_early_inc_range(allocation->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    allocation.replaceAllUsesWith(view);
    allocation.erase();
  }
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static gpu::LaunchOp createLaunch(OpBuilder &builder, Location loc,
                                  Value blocks, Value threads) {
  Value one = emit::index(builder, loc, 1);
  auto launch =
      gpu::LaunchOp::create(builder, loc, blocks, one, one, threads, one, one);
  builder.setInsertionPointToEnd(&launch.getBody().front());
  gpu::TerminatorOp::create(builder, loc);
  builder.setInsertionPointToStart(&launch.getBody().front());
  return launch;
}

gpu::LaunchOp effattn::launchSequence(OpBuilder &builder,
                                      ArrayRef<Operation *> ops) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(ops.back());
  Value one = emit::index(builder, ops.front()->getLoc(), 1);
  gpu::LaunchOp launch = createLaunch(builder, ops.front()->getLoc(), one, one);
  Operation *terminator = launch.getBody().front().getTerminator();
  for (Operation *op : ops)
    op->moveBefore(terminator);
  Scratch scratch(builder, launch, launch.getBody());
  builder.setInsertionPoint(launch);
  scratch.allocate(builder, one);
  builder.setInsertionPointToStart(&launch.getBody().front());
  scratch.distribute(builder, emit::index(builder, launch.getLoc(), 0));
  return launch;
}

/// How often a loop with these bounds runs, 0 where they are in the wrong
/// order.
static Value emitTrips(OpBuilder &builder, Location loc, Value lower,
                       Value upper, Value step) {
  Value trips = arith::CeilDivSIOp::create(
      builder, loc, emit::sub(builder, loc, upper, lower), step);
  return emit::max(builder, loc, trips, emit::index(builder, loc, 0));
}

gpu::LaunchOp effattn::launchParallel(OpBuilder &builder,
                                      scf::ParallelOp loop) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = loop.getLoc();
  builder.setInsertionPoint(loop);
  Value total = emit::index(builder, loc, 1);
  SmallVector<Value> trips;
  for (auto [lower, upper, step] :
       llvm::zip(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    trips.push_back(emitTrips(builder, loc, lower, upper, step));
    total = emit::mul(builder, loc, total, trips.back());
  }
  Scratch scratch(builder, loop, loop.getRegion());
  Value threads = scratch.limitThreads(builder, total);
  Value blockThreads = emit::index(builder, loc, kBlockThreads);
  Value blocks =
      arith::CeilDivUIOp::create(builder, loc, threads, blockThreads);
  gpu::LaunchOp launch = createLaunch(builder, loc, blocks, blockThreads);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(launch);
    scratch.allocate(builder, threads);
  }
  Value thread =
      emit::add(builder, loc,
                emit::mul(builder, loc, launch.getBlockIds().x, blockThreads),
                launch.getThreadIds().x);
  // A thread that is one too many has no iteration.
  Value first =
      emit::select(builder, loc, emit::lessThan(builder, loc, thread, threads),
                   thread, total);
  auto iterations = scf::ForOp::create(builder, loc, first, total, threads);
  builder.setInsertionPointToStart(iterations.getBody());
  SmallVector<Value> indices =
      LoopEmitter(builder, loc).split(iterations.getInductionVar(), trips);
  for (auto [index, lower, step] :
       llvm::zip(indices, loop.getLowerBound(), loop.getStep()))
    index =
        emit::add(builder, loc, lower, emit::mul(builder, loc, index, step));
  scratch.distribute(builder, thread);
  IRRewriter rewriter(builder);
  rewriter.eraseOp(loop.getBody()->getTerminator());
  rewriter.inlineBlockBefore(loop.getBody(),
                             iterations.getBody()->getTerminator(), indices);
  rewriter.eraseOp(loop);
  return launch;
}

void effattn::guardLaunch(gpu::LaunchOp launch,
                          function_ref<Value(OpBuilder &)> emitCondition) {
  Block &body = launch.getBody().front();
  OpBuilder builder(launch.getContext());
  builder.setInsertionPointToStart(&body);
  Value condition = emitCondition(builder);
  auto guarded = scf::IfOp::create(builder, launch.getLoc(), condition,
                                   /*withElseRegion=*/false);
  guarded.thenBlock()->getOperations().splice(
      guarded.thenBlock()->begin(), body.getOperations(),
      std::next(guarded->getIterator()), std::prev(body.end()));
}
