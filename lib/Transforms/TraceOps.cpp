//===- TraceOps.cpp - Measure how long each op takes ----------------------===//
#include "LoopWork.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Work.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_TRACEOPSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Which ops
//===----------------------------------------------------------------------===//

static bool isParallelLoop(Operation *op) {
  return isa<scf::ForallOp, scf::ParallelOp>(op);
}

/// Computations and parallel loops that the function runs one after the other.
static void collectSteps(Region &region, SmallVectorImpl<Operation *> &steps) {
  for (Operation &op : region.getOps()) {
    if (isComputation(&op) || isParallelLoop(&op))
      steps.push_back(&op);
    else if (isa<scf::SCFDialect>(op.getDialect()))
      for (Region &nested : op.getRegions())
        collectSteps(nested, steps);
  }
}

//===----------------------------------------------------------------------===//
// Their names
//===----------------------------------------------------------------------===//

/// A loop came from fusing the ops in it.
static std::string nameStep(Operation *step) {
  llvm::SetVector<StringRef> names;
  step->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isComputation(op))
      return WalkResult::advance();
    names.insert(nameComputation(op));
    return WalkResult::skip();
  });
  return names.empty() ? step->getName().getStringRef().str()
                       : llvm::join(names, " + ");
}

//===----------------------------------------------------------------------===//
// Spans
//===----------------------------------------------------------------------===//

/// Gives the op an own copy of each constant that it begins with, right before
/// it: tuned products look for it there. Returns the first op of the span.
static Operation *bringFills(OpBuilder &builder, Operation *step) {
  Operation *first = step;
  auto style = dyn_cast<DestinationStyleOpInterface>(step);
  if (!style)
    return first;
  for (OpOperand &init : style.getDpsInitsMutable()) {
    auto fill = init.get().getDefiningOp<linalg::FillOp>();
    if (!fill)
      continue;
    builder.setInsertionPoint(step);
    Operation *own = builder.clone(*fill);
    init.set(own->getResult(0));
    // Sizes are known before.
    fill.getResult(0).replaceUsesWithIf(
        fill.getOutputs().front(),
        [](OpOperand &use) { return isa<tensor::DimOp>(use.getOwner()); });
    if (fill->use_empty())
      fill.erase();
    if (first == step)
      first = own;
  }
  return first;
}

static void trace(Operation *step) {
  OpBuilder builder(step);
  Location loc = step->getLoc();
  std::string name = nameStep(step);
  auto loop = dyn_cast<scf::ForallOp>(step);
  Work work = loop ? emitLoopWork(builder, loop) : emitWork(builder, step);
  builder.setInsertionPoint(bringFills(builder, step));
  auto begin = BeginSpanOp::create(builder, loc, builder.getI64Type());
  builder.setInsertionPointAfter(step);
  EndSpanOp::create(builder, loc, begin, name, work.flops, work.bytes);
}

namespace {
struct TraceOpsPass : effattn::impl::TraceOpsPassBase<TraceOpsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> steps;
    getOperation()->walk([&](func::FuncOp function) {
      collectSteps(function.getBody(), steps);
    });
    for (Operation *step : steps)
      trace(step);
  }
};
} // namespace
