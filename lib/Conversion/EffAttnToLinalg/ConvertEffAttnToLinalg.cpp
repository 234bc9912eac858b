//===- ConvertEffAttnToLinalg.cpp - The reference lowering ----------------===//
#include "AttentionLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Conversion/Passes.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Rewrite/PatternApplicator.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_CONVERTEFFATTNTOLINALGPASS
#include "effattn/Conversion/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Replaces an op on memrefs by the op on tensors of the same memory.
static void wrapInTensors(IRRewriter &rewriter, ComputeOpInterface op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  unsigned firstInit = op->getNumOperands() - op.getInitCount();
  SmallVector<Value> tensors, inits;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type) {
      tensors.push_back(operand);
      continue;
    }
    bool isInit = number >= firstInit;
    if (isInit)
      inits.push_back(operand);
    tensors.push_back(bufferization::ToTensorOp::create(
        rewriter, loc, memref::getTensorTypeFromMemRefType(type), operand,
        /*restrict=*/true, /*writable=*/isInit));
  }
  SmallVector<Type> types;
  for (Value tensor : ArrayRef<Value>(tensors).take_back(op.getInitCount()))
    types.push_back(tensor.getType());
  Operation *onTensors = cloneWithoutRegions(rewriter, op, types, tensors);
  for (auto [to, from] : llvm::zip(onTensors->getRegions(), op->getRegions()))
    to.takeBody(from);
  for (auto [result, init] : llvm::zip(onTensors->getResults(), inits))
    bufferization::MaterializeInDestinationOp::create(
        rewriter, loc, /*result=*/TypeRange(), result, init,
        /*restrict=*/true, /*writable=*/true);
  rewriter.eraseOp(op);
}

static RewritePatternSet getPatterns(MLIRContext *context) {
  RewritePatternSet patterns(context);
  populateConceptsToLinalgPatterns(patterns);
  populateMemoryToLinalgPatterns(patterns);
  populateAttentionToLinalgPatterns(patterns);
  populateMasksToLinalgPatterns(patterns);
  populateNormsToLinalgPatterns(patterns);
  populateFeedForwardToLinalgPatterns(patterns);
  populateEmbeddingsToLinalgPatterns(patterns);
  populateCachesToLinalgPatterns(patterns);
  return patterns;
}

LogicalResult effattn::lowerOpToLinalg(RewriterBase &rewriter, Operation *op) {
  RewritePatternSet patterns = getPatterns(op->getContext());
  populateAddressDecodePatterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  PatternApplicator applicator(frozen);
  applicator.applyDefaultCostModel();
  PatternRewriter inPlace(op->getContext());
  inPlace.setInsertionPoint(op);
  inPlace.setListener(rewriter.getListener());
  return applicator.matchAndRewrite(op, inPlace);
}

static bool isParallelLoop(Operation *op) {
  return isa<scf::ForallOp, scf::ParallelOp>(op);
}

static remark::RemarkOpts describeRemark() {
  return remark::RemarkOpts::name("hot-code")
      .category("effattn-convert-to-linalg");
}

namespace {
/// Ops of linalg that are several of its own, such as `linalg.softmax`, on
/// which no pass behind this one goes on.
struct DecomposeAggregate
    : OpInterfaceRewritePattern<linalg::AggregatedOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::AggregatedOpInterface op,
                                PatternRewriter &rewriter) const override {
    auto onTensors = dyn_cast<DestinationStyleOpInterface>(op.getOperation());
    if (!onTensors || !onTensors.hasPureTensorSemantics())
      return failure();
    auto values = op.decomposeOperation(rewriter);
    if (failed(values))
      return failure();
    rewriter.replaceOp(op, *values);
    return success();
  }
};

struct ConvertEffAttnToLinalgPass
    : effattn::impl::ConvertEffAttnToLinalgPassBase<
          ConvertEffAttnToLinalgPass> {
  using Base::Base;

  void runOnOperation() override {
    for (StringRef name : except) {
      if (RegisteredOperationName::lookup(name, &getContext()))
        continue;
      getOperation()->emitError("expected 'except' to name ops, but there is "
                                "no op '")
          << name << "'";
      return signalPassFailure();
    }
    if (!except.empty())
      getOperation()->walk([&](ComputeOpInterface op) { explain(op); });
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](ComputeOpInterface op) {
      if (!stays(op) && cast<DestinationStyleOpInterface>(op.getOperation())
                            .hasPureBufferSemantics())
        wrapInTensors(rewriter, op);
    });
    RewritePatternSet decode(&getContext());
    populateAddressDecodePatterns(decode);
    // Where attention is more than plain loops.
    if (llvm::is_contained(except, AttentionOp::getOperationName()))
      populateJoinValueStreamsPatterns(decode);
    walkAndApplyPatterns(getOperation(), std::move(decode));
    if (!exceptInParallel) {
      FrozenRewritePatternSet all(getPatterns(&getContext()));
      getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
        if (!isParallelLoop(op))
          return WalkResult::advance();
        walkAndApplyPatterns(op, all);
        return WalkResult::skip();
      });
    }
    RewritePatternSet patterns = getPatterns(&getContext());
    patterns.add<DecomposeAggregate>(&getContext());
    llvm::erase_if(patterns.getNativePatterns(), [&](const auto &pattern) {
      return pattern->getRootKind() && isExcepted(*pattern->getRootKind());
    });
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }

  /// Says whether an op stays for the passes that make hot code, or why not.
  void explain(ComputeOpInterface op) const {
    if (stays(op)) {
      remark::passed(op.getLoc(), describeRemark())
          << remark::reason("{0} is left to code that is made for it",
                            op->getName().getStringRef());
      return;
    }
    const char *reason =
        isExcepted(op->getName())
            ? "{0} becomes plain loops: it is inside of a parallel loop"
            : "{0} becomes plain loops: no code is made for it";
    remark::missed(op.getLoc(), describeRemark())
        << remark::reason(reason, op->getName().getStringRef());
  }

  bool isExcepted(OperationName name) const {
    return llvm::is_contained(except, name.getStringRef());
  }
  bool stays(Operation *op) const {
    return isExcepted(op->getName()) &&
           (exceptInParallel || !(op->getParentOfType<scf::ForallOp>() ||
                                  op->getParentOfType<scf::ParallelOp>()));
  }
};
} // namespace
