//===- SumInRegisters.cpp - Sums that leave memory alone until the end ----===//
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_SUMINREGISTERSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// An element that every step of a loop reads and then writes.
struct Accumulator {
  memref::LoadOp load;
  memref::StoreOp store;
};
} // namespace

static Value getBase(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

/// The accumulator of a loop, if nothing else of the loop can touch it.
static std::optional<Accumulator> findAccumulator(scf::ForOp loop) {
  Accumulator found;
  for (auto store : loop.getBody()->getOps<memref::StoreOp>()) {
    if (found.store)
      return std::nullopt;
    found.store = store;
  }
  if (!found.store || loop.getNumRegionIterArgs() != 0)
    return std::nullopt;
  for (auto load : loop.getBody()->getOps<memref::LoadOp>())
    if (load.getMemRef() == found.store.getMemRef() &&
        load.getIndices() == found.store.getIndices())
      found.load = load;
  auto isInvariant = [&](Value value) {
    return loop.isDefinedOutsideOfLoop(value);
  };
  if (!found.load || !found.load->isBeforeInBlock(found.store) ||
      !isInvariant(found.store.getMemRef()) ||
      !llvm::all_of(found.store.getIndices(), isInvariant))
    return std::nullopt;
  Value base = getBase(found.store.getMemRef());
  WalkResult others = loop->walk([&](Operation *op) {
    if (op == found.load || op == found.store || op == loop ||
        isa<scf::ForOp, scf::IfOp>(op) || isMemoryEffectFree(op))
      return WalkResult::advance();
    auto load = dyn_cast<memref::LoadOp>(op);
    return load && getBase(load.getMemRef()) != base ? WalkResult::advance()
                                                     : WalkResult::interrupt();
  });
  if (others.wasInterrupted())
    return std::nullopt;
  return found;
}

/// The sum, in f32 where the element is narrower: of a product, both factors
/// are widened.
static Value emitWideSum(OpBuilder &builder, arith::AddFOp sum, Value carried,
                         Value loaded) {
  Location loc = sum.getLoc();
  Type f32 = builder.getF32Type();
  auto widen = [&](Value value) -> Value {
    return arith::ExtFOp::create(builder, loc, f32, value);
  };
  Value term = sum.getLhs() == loaded ? sum.getRhs() : sum.getLhs();
  auto product = term.getDefiningOp<arith::MulFOp>();
  Value wide =
      product ? arith::MulFOp::create(builder, loc, widen(product.getLhs()),
                                      widen(product.getRhs()))
                    .getResult()
              : widen(term);
  return arith::AddFOp::create(builder, loc, carried, wide);
}

static arith::AddFOp getNarrowSum(Accumulator accumulator) {
  auto sum = accumulator.store.getValue().getDefiningOp<arith::AddFOp>();
  Value loaded = accumulator.load;
  bool isSum = sum && sum->getBlock() == accumulator.store->getBlock() &&
               loaded.hasOneUse() &&
               (sum.getLhs() == loaded) != (sum.getRhs() == loaded) &&
               sum->hasOneUse();
  if (isSum && sum.getType().isF16())
    return sum;
  return isSum && sum.getType().isBF16() ? sum : arith::AddFOp();
}

/// A loop that does not run must not touch the element: it may not exist.
static void sumInRegister(scf::ForOp loop, Accumulator accumulator) {
  Location loc = loop.getLoc();
  IRRewriter rewriter(loop);
  auto runs = scf::IfOp::create(
      rewriter, loc,
      emit::lessThan(rewriter, loc, loop.getLowerBound(), loop.getUpperBound()),
      /*withElseRegion=*/false);
  loop->moveBefore(runs.thenYield());
  rewriter.setInsertionPoint(loop);
  memref::LoadOp load = accumulator.load;
  memref::StoreOp store = accumulator.store;
  arith::AddFOp narrow = getNarrowSum(accumulator);
  Value first = memref::LoadOp::create(rewriter, load.getLoc(),
                                       store.getMemRef(), store.getIndices());
  if (narrow)
    first = arith::ExtFOp::create(rewriter, loc, rewriter.getF32Type(), first);
  auto yieldSum = [&](OpBuilder &builder, Location,
                      ArrayRef<BlockArgument> carried) {
    if (narrow)
      return SmallVector<Value>{emitWideSum(builder, narrow, carried[0], load)};
    load.replaceAllUsesWith(Value(carried[0]));
    return SmallVector<Value>{store.getValue()};
  };
  auto summed = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, first,
      /*replaceInitOperandUsesInLoop=*/false, yieldSum));
  rewriter.setInsertionPointAfter(summed);
  Value last = summed.getResults().back();
  if (narrow)
    last = arith::TruncFOp::create(rewriter, loc, load.getType(), last);
  memref::StoreOp::create(rewriter, store.getLoc(), last, store.getMemRef(),
                          store.getIndices());
  rewriter.eraseOp(store);
  if (narrow)
    rewriter.eraseOp(narrow);
  rewriter.eraseOp(load);
}

namespace {
struct SumInRegistersPass
    : effattn::impl::SumInRegistersPassBase<SumInRegistersPass> {
  void runOnOperation() override {
    // Inner loops first: what they leave to the loop around them is its
    // accumulator.
    SmallVector<scf::ForOp> loops;
    getOperation()->walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      if (std::optional<Accumulator> accumulator = findAccumulator(loop))
        sumInRegister(loop, *accumulator);
  }
};
} // namespace
