//===- FeedForwardOps.cpp - Constraints of feed-forward networks ----------===//
#include "effattn/Dialect/FeedForwardOps.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/FeedForwardOps.cpp.inc"

/// No blocks add nothing.
LogicalResult HourglassFFNOp::canonicalize(HourglassFFNOp op,
                                           PatternRewriter &rewriter) {
  if (!op.hasPureTensorSemantics())
    return rewriter.notifyMatchFailure(op, "operands are not tensors");
  if (cast<ShapedType>(op.getGate().getType()).getDimSize(0) != 0)
    return rewriter.notifyMatchFailure(op, "there are blocks, or may be");
  if (op.getX().getType() != op->getResult(0).getType())
    return rewriter.notifyMatchFailure(op, "sizes are known to the op only");
  rewriter.replaceOp(op, op.getX());
  return success();
}
