//===- FeedForwardOps.cpp - Constraints of feed-forward networks ----------===//
#include "effattn/Dialect/FeedForwardOps.h"
#include "IndexChecks.h"
#include "KeptChecks.h"
#include "effattn/Dialect/Emit.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/FeedForwardOps.cpp.inc"

//===----------------------------------------------------------------------===//
// hourglass_ffn
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// moe_route
//===----------------------------------------------------------------------===//

static KeptInits choicesOf(MoeRouteOp op) {
  return {op.getGates(), op.getExperts(), "gates choices", "experts choices"};
}

LogicalResult MoeRouteOp::verify() {
  int64_t k = getK();
  int64_t experts = cast<ShapedType>(getW().getType()).getDimSize(1);
  // C1: there is no negative number of choices.
  if (failed(verifyKept(*this, k)))
    return failure();
  // C2: the inits hold what is chosen.
  if (failed(verifyRoom(*this, k, choicesOf(*this))))
    return failure();
  if (ShapedType::isDynamic(experts))
    return success();
  // C3: no more is chosen than there is.
  if (k > experts)
    return emitOpError("expected k to be at most the number of experts, but "
                       "got ")
           << k << " and " << experts;
  // C4: an expert is an i32.
  if (experts > kMaxIndices)
    return emitOpError("expected w experts (dim 1) to be at most ")
           << kMaxIndices << ", but got " << experts;
  return success();
}

void MoeRouteOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  checkRoom(builder, loc, getK(), choicesOf(*this));
  if (!cast<ShapedType>(getW().getType()).isDynamicDim(1))
    return;
  Value experts = emit::size(builder, loc, getW(), 1);
  checkKept(builder, loc, getK(), experts, "experts");
  Value limit = emit::index(builder, loc, kMaxIndices);
  CheckOp::create(builder, loc, emit::lessEqual(builder, loc, experts, limit),
                  "expected w experts (dim 1) to be at most {0}, but got {1}",
                  ValueRange{limit, experts});
}

//===----------------------------------------------------------------------===//
// moe_ffn
//===----------------------------------------------------------------------===//

// C1: experts exist.
void MoeFFNOp::emitPreconditions(OpBuilder &builder) {
  Value experts = emit::size(builder, getLoc(), getGate(), 0);
  forEachIndex(
      builder, getLoc(), getExperts(), [&](Value expert, ValueRange place) {
        checkIndex(builder, getLoc(), "experts", expert, place, experts);
      });
}
