//===- JoinValueStreams.cpp - Two streams of values as one attention ------===//
#include "AttentionLowering.h"
#include "OpLowering.h"
#include "effattn/Dialect/AttentionOps.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Attention over values that stand side by side, and its result in halves.
class JoinLowering : OpLowering<SystematicAttentionOp> {
public:
  JoinLowering(OpBuilder &builder, SystematicAttentionOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    Value values = emptyPair(op.getValue());
    values = insert(op.getValue(), values, builder.getIndexAttr(0));
    values = insert(op.getValue2(), values, width());
    Value out = emptyPair(op.getOut());
    auto attention = AttentionOp::create(
        builder, loc, out.getType(), op.getQuery(), op.getKey(), values,
        /*lengths=*/Value(), /*key_lengths=*/Value(), /*key_positions=*/Value(),
        /*offset=*/Value(), out, /*lse=*/Value(), op.getScaleAttr(),
        /*softcap=*/FloatAttr());
    attention.getMaskRegion().takeBody(op.getMaskRegion());
    Value joined = attention.getResult(0);
    return {extract(joined, builder.getIndexAttr(0), op.getOut()),
            extract(joined, width(), op.getOut2())};
  }

private:
  OpFoldResult width() { return emitter.sizes(op.getValue())[3]; }
  LinalgEmitter::Slice sliceAt(Value part, OpFoldResult column) {
    SmallVector<OpFoldResult> offsets(4, builder.getIndexAttr(0));
    offsets.back() = column;
    return {offsets, emitter.sizes(part)};
  }
  SmallVector<OpFoldResult> strides() {
    return SmallVector<OpFoldResult>(4, builder.getIndexAttr(1));
  }

  /// A tensor like `part` with twice as many columns.
  Value emptyPair(Value part) {
    SmallVector<OpFoldResult> sizes = emitter.sizes(part);
    Value columns = getValueOrCreateConstantIndexOp(builder, loc, sizes.back());
    sizes.back() = getAsOpFoldResult(
        builder.createOrFold<arith::MulIOp>(loc, columns, index(2)));
    return emitter.empty(sizes,
                         cast<ShapedType>(part.getType()).getElementType());
  }
  Value insert(Value part, Value pair, OpFoldResult column) {
    LinalgEmitter::Slice slice = sliceAt(part, column);
    return tensor::InsertSliceOp::create(builder, loc, part, pair,
                                         slice.offsets, slice.sizes, strides());
  }
  Value extract(Value pair, OpFoldResult column, Value out) {
    LinalgEmitter::Slice slice = sliceAt(out, column);
    Value part = tensor::ExtractSliceOp::create(
        builder, loc, cast<RankedTensorType>(out.getType()), pair,
        slice.offsets, slice.sizes, strides());
    return linalg::CopyOp::create(builder, loc, part, out).getResult(0);
  }
};

struct JoinStreams : OpRewritePattern<SystematicAttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SystematicAttentionOp op,
                                PatternRewriter &rewriter) const override {
    auto elementOf = [](Value tensor) {
      return cast<ShapedType>(tensor.getType()).getElementType();
    };
    if (op.getRelativeKeys() || op.getRelativeValues())
      return rewriter.notifyMatchFailure(op, "a table sees every weight");
    if (elementOf(op.getValue()) != elementOf(op.getValue2()))
      return rewriter.notifyMatchFailure(op, "values of different types");
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "operands are not tensors");
    auto isEmpty = [](Type tensor) {
      return llvm::is_contained(cast<ShapedType>(tensor).getShape(), 0);
    };
    // MLIR has no slices of tensors that are empty by their type.
    if (llvm::any_of(op->getOperandTypes(), isEmpty))
      return rewriter.notifyMatchFailure(op, "there is nothing to join");
    rewriter.replaceOp(op, JoinLowering(rewriter, op).run());
    return success();
  }
};
} // namespace

void effattn::populateJoinValueStreamsPatterns(RewritePatternSet &patterns) {
  patterns.add<JoinStreams>(patterns.getContext());
}
