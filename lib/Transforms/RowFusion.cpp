//===- RowFusion.cpp - Compute producers tile by tile of their consumer ---===//
#include "RowFusion.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
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

/// A slice of an uninitialised tensor is an uninitialised tensor of its size:
/// otherwise the whole one would be allocated.
static void shrinkEmptyTensors(RewriterBase &rewriter, Operation *op) {
  for (OpOperand &operand : op->getOpOperands()) {
    auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
    if (!slice || !slice.getSource().getDefiningOp<tensor::EmptyOp>())
      continue;
    rewriter.setInsertionPoint(slice);
    RankedTensorType type = slice.getType();
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(slice, slice.getMixedSizes(),
                                                 type.getElementType());
  }
}

LogicalResult
effattn::fuseIntoTiles(RewriterBase &rewriter, TilingInterface consumer,
                       ArrayRef<int64_t> tileSizes, bool recompute,
                       function_ref<bool(Operation *producer)> fuses) {
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
    shrinkEmptyTensors(rewriter, op);
  // Consumers come before their producers.
  rewriter.eraseOp(consumer);
  for (Operation *producer : tiled->fusedProducers)
    if (producer->use_empty())
      rewriter.eraseOp(producer);
  return success();
}
