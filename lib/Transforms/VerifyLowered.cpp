//===- VerifyLowered.cpp - Nothing of the dialect is left -----------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Transforms/Passes.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_VERIFYLOWEREDPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Why an op could not be lowered, as far as the op itself shows it.
static std::string explain(Operation *op) {
  if (isa<MaskOpInterface>(op))
    return "a mask is lowered with the op that uses it";
  if (isa<CheckOp>(op))
    return "effattn-lower-checks has to run after it";
  auto style = dyn_cast<DestinationStyleOpInterface>(op);
  if (style && style.hasPureBufferSemantics())
    return "it is in buffer form, for which the pipeline has no expansion";
  if (style && style.hasPureTensorSemantics())
    return "it is in tensor form; run effattn-convert-to-linalg";
  return "no pattern of the pipeline takes it";
}

namespace {
struct VerifyLoweredPass
    : effattn::impl::VerifyLoweredPassBase<VerifyLoweredPass> {
  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      // Nested ops are named with the op that they belong to.
      if (!isa_and_nonnull<EffAttnDialect>(op->getDialect()) ||
          isa_and_nonnull<EffAttnDialect>(op->getParentOp()->getDialect()))
        return;
      op->emitOpError("expected to be lowered by now, but is left: ")
          << explain(op);
      signalPassFailure();
    });
  }
};
} // namespace
