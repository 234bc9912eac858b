//===- RowFusion.cpp - Compute producers tile by tile of their consumer ---===//
#include "RowFusion.h"
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"

using namespace mlir;
using namespace mlir::effattn;

SmallVector<int64_t> effattn::getRowTileSizes(unsigned leading) {
  SmallVector<int64_t> sizes(leading, 1);
  if (leading)
    sizes.back() = kRowTile;
  return sizes;
}

bool effattn::isUsedFromHereOn(Value value, Operation *op) {
  DominanceInfo dominance;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return user == op || dominance.properlyDominates(op, user);
  });
}

/// Whether `tensor` is what a parallel loop builds from its tiles.
static bool isOutputOfLoop(Value tensor) {
  auto argument = dyn_cast<BlockArgument>(tensor);
  return argument && isa<scf::ForallOp>(argument.getOwner()->getParentOp());
}

/// A tile that is only written needs no part of a whole tensor, which would be
/// allocated for nothing: memory of its own stays in the cache.
static void shrinkDestinations(RewriterBase &rewriter, Operation *op) {
  auto destinations = dyn_cast<DestinationStyleOpInterface>(op);
  auto compute = dyn_cast<ComputeOpInterface>(op);
  if (!destinations || !compute)
    return;
  for (auto [number, init] :
       llvm::enumerate(destinations.getDpsInitsMutable())) {
    auto slice = init.get().getDefiningOp<tensor::ExtractSliceOp>();
    if (!slice || compute.readsInit(number) ||
        isOutputOfLoop(slice.getSource()))
      continue;
    rewriter.setInsertionPoint(slice);
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(
        slice, slice.getMixedSizes(), slice.getType().getElementType());
  }
}

void effattn::redirectSizes(RewriterBase &rewriter, Operation *op) {
  auto destinations = cast<DestinationStyleOpInterface>(op);
  for (OpResult result : op->getResults())
    for (Operation *user : llvm::make_early_inc_range(result.getUsers())) {
      if (isOpTriviallyDead(user))
        rewriter.eraseOp(user);
      else if (auto dim = dyn_cast<tensor::DimOp>(user))
        rewriter.modifyOpInPlace(dim, [&] {
          dim.getSourceMutable().assign(
              destinations.getTiedOpOperand(result)->get());
        });
    }
}

/// Whether a loop of `op` is known not to run, which upstream cannot tile.
static bool neverRuns(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return llvm::is_contained(linalgOp.getStaticLoopRanges(), 0);
  return llvm::any_of(op->getResultTypes(), [](Type type) {
    return llvm::is_contained(cast<ShapedType>(type).getShape(), 0);
  });
}

/// `consumer` and the producers that it will take in.
static SmallPtrSet<Operation *, 8>
collectFused(Operation *consumer, function_ref<bool(Operation *)> fuses) {
  SmallPtrSet<Operation *, 8> fused{consumer};
  SmallVector<Operation *> open{consumer};
  while (!open.empty())
    for (Value operand : open.pop_back_val()->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (producer && fuses(producer) && fused.insert(producer).second)
        open.push_back(producer);
    }
  return fused;
}

/// Whether an op outside of the loop wants more of `tensor` than its sizes.
static bool isNeededOutside(Value tensor,
                            const SmallPtrSet<Operation *, 8> &fused) {
  return llvm::any_of(tensor.getUsers(), [&](Operation *user) {
    return !fused.contains(user) && !isa<tensor::DimOp>(user);
  });
}

LogicalResult
effattn::fuseIntoTiles(RewriterBase &rewriter, TilingInterface consumer,
                       ArrayRef<int64_t> tileSizes, bool recompute,
                       function_ref<bool(Operation *producer)> fuses) {
  if (neverRuns(consumer))
    return failure();
  SmallPtrSet<Operation *, 8> fused = collectFused(consumer, fuses);
  SmallPtrSet<Value, 4> kept;
  for (Operation *op : fused)
    for (Value result : op->getResults())
      if (op != consumer && !recompute && isNeededOutside(result, fused))
        kept.insert(result);

  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  SmallVector<OpFoldResult> sizes;
  for (int64_t size : tileSizes)
    sizes.push_back(rewriter.getIndexAttr(size));
  options.tilingOptions.setTileSizes(sizes);
  using Answer = std::optional<scf::SCFTileAndFuseOptions::ControlFnResult>;
  options.fusionControlFn = [&](tensor::ExtractSliceOp, OpResult producer,
                                bool isDestination) -> Answer {
    Operation *op = producer.getOwner();
    if (isDestination ? !isa<linalg::FillOp>(op) : !fuses(op))
      return std::nullopt;
    return scf::SCFTileAndFuseOptions::ControlFnResult{kept.contains(producer)};
  };

  rewriter.setInsertionPoint(consumer);
  FailureOr<scf::SCFTileAndFuseResult> tiled =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, consumer, options);
  if (failed(tiled))
    return failure();
  DominanceInfo dominance;
  Operation *loop = tiled->loops.front();
  for (auto [from, to] : tiled->replacements)
    rewriter.replaceUsesWithIf(from, to, [&](OpOperand &use) {
      return dominance.properlyDominates(loop, use.getOwner(),
                                         /*enclosingOpOk=*/false);
    });
  for (Operation *op : tiled->tiledAndFusedOps)
    shrinkDestinations(rewriter, op);
  // Consumers come before their producers.
  rewriter.eraseOp(consumer);
  for (Operation *producer : tiled->fusedProducers) {
    // The loop asks what it took in for sizes.
    redirectSizes(rewriter, producer);
    if (producer->use_empty())
      rewriter.eraseOp(producer);
  }
  return success();
}
