//===- FeedForwardOps.cpp - Constraints of feed-forward networks ----------===//
#include "effattn/Dialect/FeedForwardOps.h"
#include "IndexChecks.h"
#include "KeptChecks.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/FeedForwardOps.cpp.inc"

//===----------------------------------------------------------------------===//
// packed_matmul
//===----------------------------------------------------------------------===//

static int64_t lastDim(Value operand) {
  return cast<ShapedType>(operand.getType()).getRank() - 1;
}

LogicalResult PackedMatmulOp::verify() {
  auto panels = cast<ShapedType>(getPanels().getType());
  int64_t count = panels.getDimSize(0), width = panels.getDimSize(2);
  int64_t columns =
      cast<ShapedType>(getOut().getType()).getDimSize(lastDim(getOut()));
  // C1: panels have columns, and as many of them as out needs.
  if (width == 0)
    return emitOpError("expected panels columns (dim 2) to be at least 1, but "
                       "got 0");
  if (llvm::any_of(ArrayRef{count, width, columns}, ShapedType::isDynamic))
    return success();
  int64_t wanted = llvm::divideCeil(columns, width);
  if (count != wanted)
    return emitOpError("expected panels (dim 0) to be ")
           << wanted << " of " << width << " columns (dim 2) for " << columns
           << " columns of out (dim " << lastDim(getOut()) << "), but got "
           << count;
  return success();
}

void PackedMatmulOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  auto panels = cast<ShapedType>(getPanels().getType());
  Value count = emit::size(builder, loc, getPanels(), 0);
  Value width = emit::size(builder, loc, getPanels(), 2);
  Value columns = emit::size(builder, loc, getOut(), lastDim(getOut()));
  Value one = emit::index(builder, loc, 1);
  if (panels.isDynamicDim(2))
    CheckOp::create(builder, loc, emit::lessEqual(builder, loc, one, width),
                    "expected panels columns (dim 2) to be at least 1, but got "
                    "{0}",
                    width);
  if (getConstantIntValue(count) && getConstantIntValue(width) &&
      getConstantIntValue(columns))
    return;
  // Nothing is divided by 0 on the way to the check above.
  Value wanted = arith::CeilDivUIOp::create(
      builder, loc, columns, emit::max(builder, loc, width, one));
  CheckOp::create(
      builder, loc, emit::equal(builder, loc, count, wanted),
      ("expected panels (dim 0) to be {0} of {1} columns (dim 2) for {2} "
       "columns of out (dim " +
       Twine(lastDim(getOut())) + "), but got {3}")
          .str(),
      ValueRange{wanted, width, columns, count});
}

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
