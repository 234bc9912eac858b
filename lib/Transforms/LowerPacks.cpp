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
      lower(pack, linalg::lowerPack(rewriter, pack));
    }
    for (linalg::UnPackOp unpack : unpacks) {
      rewriter.setInsertionPoint(unpack);
      lower(unpack, linalg::lowerUnPack(rewriter, unpack));
    }
  }
};
} // namespace
