//===- LowerPacks.cpp - Changes of layout as copies -----------------------===//
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LOWERPACKSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;

/// A result without elements is its destination. MLIR has no slices of tensors
/// that are empty by their type, which it would make.
static bool replaceEmpty(IRRewriter &rewriter,
                         DestinationStyleOpInterface pack) {
  auto isEmpty = [](Value tensor) {
    return llvm::is_contained(cast<ShapedType>(tensor.getType()).getShape(), 0);
  };
  if (pack->getNumResults() == 0 || !isEmpty(pack->getResult(0)))
    return false;
  rewriter.replaceOp(pack, pack.getDpsInits());
  return true;
}

namespace {
struct LowerPacksPass : effattn::impl::LowerPacksPassBase<LowerPacksPass> {
  void runOnOperation() override {
    SmallVector<linalg::PackOp> packs;
    SmallVector<linalg::UnPackOp> unpacks;
    getOperation()->walk([&](linalg::PackOp op) { packs.push_back(op); });
    getOperation()->walk([&](linalg::UnPackOp op) { unpacks.push_back(op); });
    IRRewriter rewriter(&getContext());
    auto lower = [&](Operation *op, LogicalResult lowered) {
      if (succeeded(lowered))
        return;
      op->emitError("expected the sizes of tiles to be static");
      signalPassFailure();
    };
    for (linalg::PackOp pack : packs) {
      rewriter.setInsertionPoint(pack);
      if (!replaceEmpty(rewriter, pack))
        lower(pack, linalg::lowerPack(rewriter, pack));
    }
    for (linalg::UnPackOp unpack : unpacks) {
      rewriter.setInsertionPoint(unpack);
      if (!replaceEmpty(rewriter, unpack))
        lower(unpack, linalg::lowerUnPack(rewriter, unpack));
    }
  }
};
} // namespace
