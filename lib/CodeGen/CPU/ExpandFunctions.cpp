//===- ExpandFunctions.cpp - Functions that loops over vectors can have ---===//
#include "Expansion.h"
#include "VectorEmitter.h"
#include "effattn/CodeGen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDFUNCTIONSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// tanh x. Near 0, where 1 - exp(-2 |x|) has lost its digits, it is the series
/// x (1 - x^2 / 3 + 2 x^4 / 15), which is good to 4e-9 of it up to 1 / 16.
static Value emitTanh(VectorEmitter &e, Value x) {
  auto number = [&](double value) {
    return emit::f32(e.builder, e.loc, value);
  };
  Value square = e.mulFloats(x, x);
  Value sum = e.mulAdd(square, number(2.0 / 15), number(-1.0 / 3));
  Value series = e.mulFloats(x, e.mulAdd(square, sum, number(1.0)));
  Value isSmall = e.lessFloats(square, number(1.0 / 256));
  return e.select(isSmall, series, e.tanh(x));
}

namespace {
struct ExpandFunctionsPass
    : ExpansionPass<effattn::impl::ExpandFunctionsPassBase,
                    ExpandFunctionsPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    getOperation()->walk([&](math::TanhOp op) {
      if (!op.getType().isF32())
        return;
      OpBuilder builder(op);
      VectorEmitter emitter(builder, op.getLoc(), cpu);
      op.replaceAllUsesWith(emitTanh(emitter, op.getOperand()));
      op.erase();
    });
  }
};
} // namespace
