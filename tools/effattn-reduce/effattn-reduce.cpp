//===- effattn-reduce.cpp - Shrink IR that shows a failure ----------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/Version.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Reducer/ReductionPatternInterface.h"
#include "mlir/Reducer/Tester.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {

/// What may stand for an op's results: what it would have written to, or an
/// operand of the result's type. Empty where there is neither.
ValueRange simplerValues(Operation *op) {
  if (auto writer = dyn_cast<DestinationStyleOpInterface>(op))
    if (TypeRange(writer.getDpsInits()) == TypeRange(op->getResults()))
      return writer.getDpsInits();
  if (op->getNumResults() != 1)
    return {};
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get().getType() == op->getResult(0).getType())
      return op->getOperands().slice(operand.getOperandNumber(), 1);
  return {};
}

/// Replaces an op by simpler values where the failure stays. The reducer
/// applies its patterns everywhere at once and needs them all to succeed, so
/// each replacement is tried on a copy of the module first.
struct ReplaceBySimplerValues : RewritePattern {
  ReplaceBySimplerValues(MLIRContext *context, Tester &tester)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context),
        tester(tester) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    ValueRange simpler = simplerValues(op);
    if (simpler.empty())
      return rewriter.notifyMatchFailure(op, "nothing is simpler");
    if (!staysInteresting(op))
      return rewriter.notifyMatchFailure(op, "the failure needs it");
    rewriter.replaceOp(op, simpler);
    return success();
  }

private:
  bool staysInteresting(Operation *op) const {
    IRMapping copies;
    OwningOpRef<ModuleOp> module =
        cast<ModuleOp>(op->getParentOfType<ModuleOp>()->clone(copies));
    Operation *copy = copies.lookup(op);
    copy->replaceAllUsesWith(simplerValues(copy));
    copy->erase();
    return tester.isInteresting(*module).first == Tester::Interestingness::True;
  }

  Tester &tester;
};

struct EffAttnReductionPatterns : DialectReductionPatternInterface {
  EffAttnReductionPatterns(Dialect *dialect)
      : DialectReductionPatternInterface(dialect) {}

  void populateReductionPatterns(RewritePatternSet &) const override {}

  void populateReductionPatternsWithTester(RewritePatternSet &patterns,
                                           Tester &tester) const override {
    patterns.add<ReplaceBySimplerValues>(patterns.getContext(), tester);
  }
};

} // namespace

int main(int argc, char **argv) {
  setVersionPrinter(argv[0]);
  registerEveryPass();
  DialectRegistry registry;
  registerEverything(registry);
  registry.addExtension(+[](MLIRContext *, EffAttnDialect *dialect) {
    dialect->addInterfaces<EffAttnReductionPatterns>();
  });
  MLIRContext context(registry);
  return failed(mlirReduceMain(argc, argv, context));
}
