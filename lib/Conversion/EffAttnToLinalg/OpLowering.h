//===- OpLowering.h - What the lowerings of ops share ---------------------===//
#ifndef EFFATTN_LIB_CONVERSION_OPLOWERING_H
#define EFFATTN_LIB_CONVERSION_OPLOWERING_H

#include "LinalgEmitter.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {

/// `index` followed by `more`.
inline SmallVector<Value> joinIndices(ValueRange index, ValueRange more) {
  SmallVector<Value> joined(index);
  llvm::append_range(joined, more);
  return joined;
}

/// An op that is being lowered and what its lowering emits with. The builders
/// that bodies of loops and linalg ops receive are `builder` itself, positioned
/// inside, so methods use the member throughout.
template <typename Op> class OpLowering {
protected:
  OpLowering(OpBuilder &builder, Op op)
      : op(op), builder(builder), loc(op.getLoc()), emitter(builder, loc) {}

  Value index(int64_t value) { return emit::index(builder, loc, value); }
  Value real(Type type, double value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getFloatAttr(type, value));
  }
  Value load(Value source, ValueRange indices) {
    return emit::load(builder, loc, source, indices);
  }

  /// Number of valid tokens of a row; `tokens` has T in dimension `dim`.
  Value validTokens(Value tokens, Value row, int64_t dim = 1) {
    if (op.getLengths())
      return emit::loadIndex(builder, loc, op.getLengths(), row);
    return emit::size(builder, loc, tokens, dim);
  }

  /// 1 where the condition holds, else 0.
  Value toCount(Value condition) {
    return emit::select(builder, loc, condition, index(1), index(0));
  }

  /// x limited to [low, high]; NaN stays NaN.
  Value clamp(Value x, double low, double high) {
    x = arith::MaximumFOp::create(builder, loc, x, real(x.getType(), low));
    return arith::MinimumFOp::create(builder, loc, x, real(x.getType(), high));
  }

  Op op;
  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
};

/// Replaces an op on tensors by what `Lowering(builder, op).run()` returns.
template <typename Op, typename Lowering>
struct LowerOp : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "operands are not tensors");
    rewriter.replaceOp(op, Lowering(rewriter, op).run());
    return success();
  }
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_OPLOWERING_H
