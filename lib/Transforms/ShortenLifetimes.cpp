//===- ShortenLifetimes.cpp - Memory is held while it is used -------------===//
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_SHORTENLIFETIMESPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static Operation *firstUser(Operation *op) {
  Operation *first = nullptr;
  for (Operation *user : op->getUsers()) {
    Operation *place = op->getBlock()->findAncestorOpInBlock(*user);
    if (place && (!first || place->isBeforeInBlock(first)))
      first = place;
  }
  return first;
}

/// Allocations, and views that would hold them up.
static bool mayWait(Operation &op) {
  return isa<memref::AllocOp>(op) ||
         (isa<ViewLikeOpInterface>(op) && isPure(&op));
}

/// Moves ops to where their results are used first, from the last op to the
/// first one, so that users stand where they will stay.
static void sinkAllocations(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (mayWait(op))
      if (Operation *user = firstUser(&op))
        op.moveBefore(user);
}

/// Whether a number made of this address may name memory: it goes on to
/// something that is neither arithmetic nor a comparison.
static bool mayNameMemory(Value address) {
  return llvm::any_of(address.getUsers(), [](Operation *user) {
    if (isa<arith::CmpIOp>(user))
      return false;
    return !isa_and_present<arith::ArithDialect>(user->getDialect()) ||
           llvm::any_of(user->getResults(), mayNameMemory);
  });
}

/// The last op of the block that uses memory of `allocation`, apart from
/// `dealloc`; null where that is not known: it may be used in another block, or
/// by its address.
static Operation *lastUser(BufferViewFlowAnalysis &views, Value allocation,
                           Operation *dealloc) {
  Block &block = *dealloc->getBlock();
  Operation *last = allocation.getDefiningOp();
  for (Value value : views.resolve(allocation))
    for (Operation *user : value.getUsers()) {
      if (user == dealloc)
        continue;
      Operation *place = block.findAncestorOpInBlock(*user);
      auto address = dyn_cast<memref::ExtractAlignedPointerAsIndexOp>(user);
      if (!place || (address && mayNameMemory(address)))
        return nullptr;
      if (last->isBeforeInBlock(place))
        last = place;
    }
  return last;
}

namespace {
struct ShortenLifetimesPass
    : effattn::impl::ShortenLifetimesPassBase<ShortenLifetimesPass> {
  void runOnOperation() override {
    getOperation()->walk([](Block *block) { sinkAllocations(*block); });
    SmallVector<memref::DeallocOp> deallocs;
    getOperation()->walk([&](memref::DeallocOp op) { deallocs.push_back(op); });
    BufferViewFlowAnalysis views(getOperation());
    for (memref::DeallocOp dealloc : deallocs) {
      auto allocation = dealloc.getMemref().getDefiningOp<memref::AllocOp>();
      if (!allocation || allocation->getBlock() != dealloc->getBlock())
        continue;
      Operation *last = lastUser(views, allocation, dealloc);
      if (last && last->isBeforeInBlock(dealloc))
        dealloc->moveAfter(last);
    }
  }
};
} // namespace
