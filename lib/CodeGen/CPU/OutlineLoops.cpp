//===- OutlineLoops.cpp - Large loops as functions of their own -----------===//
#include "StatusFunction.h"
#include "effattn/CodeGen/CPU/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_OUTLINELOOPSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static int64_t countOps(scf::ParallelOp loop) {
  int64_t ops = 0;
  loop.getBody()->walk([&](Operation *) { ++ops; });
  return ops;
}

namespace {
struct OutlineLoopsPass
    : effattn::impl::OutlineLoopsPassBase<OutlineLoopsPass> {
  using OutlineLoopsPassBase::OutlineLoopsPassBase;

  void runOnOperation() override {
    SmallVector<scf::ParallelOp> loops;
    getOperation()->walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      if (countOps(loop) >= leastOps && loop.getNumReductions() == 0 &&
          loop->getParentOfType<func::FuncOp>())
        loops.push_back(loop);
      return WalkResult::skip();
    });
    OpBuilder builder(&getContext());
    SymbolTable symbols(getOperation());
    for (scf::ParallelOp loop : loops) {
      SmallVector<Value> arguments;
      OwningOpRef<func::FuncOp> function = makeStatusFunction(
          builder, {loop}, [](Type type) { return type; }, arguments);
      // Debuggers and profilers show whose loop it is. The table changes the
      // name where it is taken.
      auto parent = loop->getParentOfType<func::FuncOp>();
      function->setName("effattn." + parent.getSymName().str() + ".loop");
      func::FuncOp inserted = function.release();
      symbols.insert(inserted);
      replaceByCall(builder, {loop}, inserted, arguments);
    }
  }
};
} // namespace
