//===- TileContractions.cpp - Multiply matrices along their memory --------===//
#include "Contraction.h"
#include "RowFusion.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_TILECONTRACTIONSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// A product and its sum may be one instruction; the terms of a dot product may
/// be summed in any order, so that they vectorize.
static void allowFastSums(linalg::GenericOp op, bool anyOrder) {
  auto contract = arith::FastMathFlags::contract;
  auto reassociate =
      anyOrder ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto product = dyn_cast<arith::MulFOp>(inner))
      product.setFastmath(product.getFastmath() | contract);
    if (auto sum = dyn_cast<arith::AddFOp>(inner))
      sum.setFastmath(sum.getFastmath() | contract | reassociate);
  }
}

/// The op as a linalg.generic whose loops run along memory.
static LogicalResult orderLoops(RewriterBase &rewriter, linalg::LinalgOp op) {
  ContractionLoops loops = *ContractionLoops::of(op);
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::GenericOp> generic =
      isa<linalg::GenericOp>(op) ? cast<linalg::GenericOp>(op.getOperation())
                                 : linalg::generalizeNamedOp(rewriter, op);
  if (failed(generic))
    return failure();
  rewriter.setInsertionPoint(*generic);
  FailureOr<linalg::GenericOp> ordered =
      linalg::interchangeGenericOp(rewriter, *generic, loops.getLoopOrder());
  if (failed(ordered))
    return failure();
  allowFastSums(*ordered, /*anyOrder=*/!loops.columnIsContiguous);
  return success();
}

namespace {
struct TileContractionsPass
    : effattn::impl::TileContractionsPassBase<TileContractionsPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<TilingInterface> whole;
    getOperation()->walk([&](TilingInterface op) {
      bool isOnTensors = op->getNumResults() != 0;
      if (isOurs(op) && isOnTensors && !op->getParentOfType<scf::ForallOp>())
        whole.push_back(op);
    });
    for (TilingInterface op : whole)
      // One that cannot be tiled is only ordered.
      (void)fuseIntoTiles(
          rewriter, op, ContractionLoops::of(op)->getTileSizes(),
          /*recompute=*/true, [](Operation *) { return false; });
    SmallVector<linalg::LinalgOp> products;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (isOurs(op))
        products.push_back(op);
    });
    for (linalg::LinalgOp op : products)
      if (failed(orderLoops(rewriter, op)))
        return signalPassFailure();
  }

  bool isOurs(Operation *op) const {
    if (!ContractionLoops::of(op))
      return false;
    auto result = cast<ShapedType>(op->getOperands().back().getType());
    return !integersOnly || !isa<FloatType>(result.getElementType()) ||
           op->getParentOfType<scf::ForallOp>();
  }
};
} // namespace
