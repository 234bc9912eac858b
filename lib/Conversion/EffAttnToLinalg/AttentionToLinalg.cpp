//===- AttentionToLinalg.cpp - Attention over the keys a mask leaves ------===//
#include "AttentionLowering.h"
#include "OpLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/AttentionOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Everything but the softmax is what the op says of itself.
class AttentionOpLowering : public AttentionLowering {
public:
  AttentionOpLowering(OpBuilder &builder, AttentionOp op)
      : AttentionLowering(builder, op.getLoc(),
                          {op.getQuery(),
                           op.getKey(),
                           {op.getValue()},
                           {op.getOut()},
                           op.getLse(),
                           op.getKeyPositions(),
                           op.getRootMask()}),
        op(op) {}

private:
  Value emitOffset(Value batch) override {
    return op.emitOffset(builder, batch);
  }
  Value emitQueryEnd(Value batch) override {
    return op.emitQueryEnd(builder, batch);
  }
  Value emitKeyEnd(Value batch) override {
    return op.emitKeyEnd(builder, batch);
  }
  Value emitScore(const QueryRow &, const MaskPoint &point,
                  Value product) override {
    return op.emitScore(builder, product, point);
  }

  AttentionOp op;
};
} // namespace

void effattn::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<AttentionOp, AttentionOpLowering>>(
      patterns.getContext());
  populateSystematicAttentionToLinalgPatterns(patterns);
  populateRotaryToLinalgPatterns(patterns);
}
