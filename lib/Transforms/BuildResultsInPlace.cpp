//===- BuildResultsInPlace.cpp - No copies of results at the end ----------===//
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDRESULTSINPLACEPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::bufferization;

//===----------------------------------------------------------------------===//
// A tensor of its own for each destination
//===----------------------------------------------------------------------===//

/// Whether the op builds its result in the memory of `use`.
static bool isDestination(OpOperand &use) {
  if (auto loop = dyn_cast<LoopLikeOpInterface>(use.getOwner()))
    return llvm::is_contained(loop.getInits(), use.get());
  auto style = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
  return style && style.isDpsInit(&use);
}

/// A filled tensor that two ops build on is filled twice, which costs less than
/// the copy that one of them would make of it.
static void separateFill(RewriterBase &rewriter, linalg::FillOp fill) {
  if (!fill.getOutputs().front().getDefiningOp<tensor::EmptyOp>())
    return;
  Value filled = fill->getResult(0);
  for (OpOperand &use : llvm::make_early_inc_range(filled.getUses())) {
    if (filled.hasOneUse() || !isDestination(use))
      continue;
    rewriter.setInsertionPoint(use.getOwner());
    Operation *own = rewriter.clone(*fill);
    rewriter.modifyOpInPlace(use.getOwner(),
                             [&] { use.set(own->getResult(0)); });
  }
}

/// The new tensors stand where the first one does: one that stands before a
/// loop is allocated once.
static void separateEmptyTensor(RewriterBase &rewriter, tensor::EmptyOp empty) {
  for (OpOperand &use : llvm::make_early_inc_range(empty->getUses())) {
    if (empty->hasOneUse() || isa<tensor::DimOp>(use.getOwner()))
      continue;
    rewriter.setInsertionPointAfter(empty);
    Operation *own = rewriter.clone(*empty);
    rewriter.modifyOpInPlace(use.getOwner(),
                             [&] { use.set(own->getResult(0)); });
  }
}

static void separateDestinations(RewriterBase &rewriter, Operation *root) {
  SmallVector<linalg::FillOp> fills;
  root->walk([&](linalg::FillOp fill) {
    if (fill.hasPureTensorSemantics())
      fills.push_back(fill);
  });
  for (linalg::FillOp fill : fills)
    separateFill(rewriter, fill);

  SmallVector<tensor::EmptyOp> empties;
  root->walk([&](tensor::EmptyOp empty) { empties.push_back(empty); });
  for (tensor::EmptyOp empty : empties)
    separateEmptyTensor(rewriter, empty);
}

//===----------------------------------------------------------------------===//
// Memory of the caller in place of empty tensors
//===----------------------------------------------------------------------===//

/// Whether `user` has run when `op` does. What is in another function, or in
/// `op`, has not.
static bool runsBefore(Operation *user, Operation *op) {
  Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
  return ancestor && ancestor != op && ancestor->isBeforeInBlock(op);
}

/// Whether nothing that may be in the memory of `roots` is read once `write`
/// has overwritten that memory.
static bool isReadBefore(ArrayRef<Value> roots,
                         MaterializeInDestinationOp write,
                         const AnalysisState &state) {
  SetVector<Value> sharing(roots.begin(), roots.end());
  for (unsigned next = 0; next < sharing.size(); ++next)
    for (OpOperand &use : sharing[next].getUses()) {
      if (use.getOwner() == write)
        continue;
      if (!runsBefore(use.getOwner(), write))
        return false;
      for (AliasingValue alias : state.getAliasingValues(use))
        sharing.insert(alias.value);
    }
  return true;
}

/// The tensor that stands for the buffer `destination`. There is one of it, so
/// that bufferization sees that values built in it share memory.
static Value getTensorOf(RewriterBase &rewriter, Value destination) {
  for (Operation *user : destination.getUsers())
    if (isa<ToTensorOp>(user))
      return user->getResult(0);
  rewriter.setInsertionPointAfterValue(destination);
  auto type = cast<MemRefType>(destination.getType());
  return ToTensorOp::create(
      rewriter, destination.getLoc(),
      RankedTensorType::get(type.getShape(), type.getElementType()),
      destination, /*restrict=*/true, /*writable=*/true);
}

/// What takes the place of an empty tensor that `insertion` inserts, or none.
/// Bufferization sees what becomes of a destination that is a tensor. It does
/// not see that a write to a buffer changes tensors that live there.
static Value replaceEmptyTensor(RewriterBase &rewriter,
                                SubsetInsertionOpInterface insertion,
                                tensor::EmptyOp empty, Operation *user,
                                const AnalysisState &state) {
  auto write = dyn_cast<MaterializeInDestinationOp>(insertion.getOperation());
  if (!write || isa<TensorType>(write.getDest().getType()))
    return buildSubsetExtraction(rewriter, insertion, empty, user);
  if (!isa<BlockArgument>(write.getDest()))
    return {};
  OpBuilder::InsertionGuard guard(rewriter);
  Value tensor = getTensorOf(rewriter, write.getDest());
  return isReadBefore({empty, tensor}, write, state) ? tensor : Value();
}

namespace {
struct BuildResultsInPlacePass
    : effattn::impl::BuildResultsInPlacePassBase<BuildResultsInPlacePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    IRRewriter rewriter(&getContext());
    separateDestinations(rewriter, module);

    OneShotBufferizationOptions options;
    options.allowReturnAllocsFromLoops = true;
    options.bufferizeFunctionBoundaries = true;
    OneShotAnalysisState state(module, options);
    auto replace = [&](RewriterBase &rewriter,
                       SubsetInsertionOpInterface insertion,
                       tensor::EmptyOp empty, Operation *user) {
      return replaceEmptyTensor(rewriter, insertion, empty, user, state);
    };
    if (failed(analyzeModuleOp(module, state)) ||
        failed(eliminateEmptyTensors(rewriter, module, state, replace)))
      signalPassFailure();
  }
};
} // namespace
