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

/// The loop asks what it took in for sizes: their destinations know them.
static void redirectSizes(RewriterBase &rewriter, Operation *op) {
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

LogicalResult
effattn::fuseIntoTiles(RewriterBase &rewriter, TilingInterface consumer,
                       ArrayRef<int64_t> tileSizes, bool recompute,
                       function_ref<bool(Operation *producer)> fuses) {
  // Upstream cannot tile loops that are known not to run.
  if (auto op = dyn_cast<linalg::LinalgOp>(consumer.getOperation());
      op && llvm::is_contained(op.getStaticLoopRanges(), 0))
    return failure();
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
    bool isKept = !isDestination && !recompute && !producer.hasOneUse();
    return scf::SCFTileAndFuseOptions::ControlFnResult{isKept};
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
      return dominance.properlyDominates(loop, use.getOwner());
    });
  for (Operation *op : tiled->tiledAndFusedOps)
    shrinkDestinations(rewriter, op);
  // Consumers come before their producers.
  rewriter.eraseOp(consumer);
  for (Operation *producer : tiled->fusedProducers) {
    redirectSizes(rewriter, producer);
    if (producer->use_empty())
      rewriter.eraseOp(producer);
  }
  return success();
}
