//===- LoopSizes.cpp - What operands say about the loops of a linalg op ---===//
#include "LoopSizes.h"

using namespace mlir;
using namespace mlir::effattn;

std::optional<SizeConflict> effattn::findSizeConflict(linalg::LinalgOp op) {
  SmallVector<int64_t> sizes(op.getNumLoops(), ShapedType::kDynamic);
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dim, size] : llvm::enumerate(op.getShape(&operand))) {
      auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
      if (!loop || ShapedType::isDynamic(size))
        continue;
      int64_t &known = sizes[loop.getPosition()];
      if (ShapedType::isStatic(known) && known != size)
        return SizeConflict{operand.getOperandNumber(), unsigned(dim), size,
                            known};
      known = size;
    }
  }
  return std::nullopt;
}
