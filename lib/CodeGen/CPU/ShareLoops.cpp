//===- ShareLoops.cpp - The iterations of each thread of a team -----------===//
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_SHARELOOPSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
constexpr StringLiteral kThreads = "omp_get_num_threads";
constexpr StringLiteral kThread = "omp_get_thread_num";

/// Numbers of consecutive iterations.
struct Share {
  Value first, end;
};

class LoopSharing {
public:
  LoopSharing(IRRewriter &rewriter, scf::ParallelOp loop)
      : builder(rewriter), loop(loop), loc(loop.getLoc()) {}

  void run();

private:
  Value numberOfRuntime(StringRef function);
  Value countIterations();
  Share shareOfThread(Value count);
  void moveBody(scf::ForOp numbers);

  IRRewriter &builder;
  scf::ParallelOp loop;
  Location loc;
  /// Iterations of each dimension.
  SmallVector<Value> lengths;
};
} // namespace

void LoopSharing::run() {
  builder.setInsertionPoint(loop);
  Value count = countIterations();
  // A single iteration waits for nobody.
  Value isShared =
      emit::lessThan(builder, loc, emit::index(builder, loc, 1), count);
  omp::ParallelOperands clauses;
  clauses.ifExpr = isShared;
  auto region = omp::ParallelOp::create(builder, loc, clauses);
  builder.createBlock(&region.getRegion());
  builder.setInsertionPoint(omp::TerminatorOp::create(builder, loc));
  Share share = shareOfThread(count);
  auto numbers = scf::ForOp::create(builder, loc, share.first, share.end,
                                    emit::index(builder, loc, 1));
  moveBody(numbers);
  builder.eraseOp(loop);
}

Value LoopSharing::countIterations() {
  Value count;
  for (auto [lower, upper, step] :
       llvm::zip(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value distance = emit::max(builder, loc, emit::index(builder, loc, 0),
                               emit::sub(builder, loc, upper, lower));
    Value length =
        builder.createOrFold<arith::CeilDivUIOp>(loc, distance, step);
    lengths.push_back(length);
    count = count ? emit::mul(builder, loc, count, length) : length;
  }
  return count;
}

/// A number that the OpenMP runtime gives.
Value LoopSharing::numberOfRuntime(StringRef function) {
  Type i32 = builder.getI32Type();
  auto module = loop->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(function)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    LLVM::LLVMFuncOp::create(builder, loc, function,
                             LLVM::LLVMFunctionType::get(i32, {}));
  }
  Value number = LLVM::CallOp::create(builder, loc, TypeRange{i32},
                                      builder.getStringAttr(function))
                     .getResult();
  return emit::toIndex(builder, loc, number);
}

/// Neighbouring iterations, as many for each thread as for any other, or one
/// more for the first ones.
Share LoopSharing::shareOfThread(Value count) {
  Value threads = numberOfRuntime(kThreads);
  Value thread = numberOfRuntime(kThread);
  Value each = arith::DivUIOp::create(builder, loc, count, threads);
  Value rest = arith::RemUIOp::create(builder, loc, count, threads);
  auto startOf = [&](Value number) {
    return emit::add(builder, loc, emit::mul(builder, loc, number, each),
                     emit::min(builder, loc, number, rest));
  };
  Value next = emit::add(builder, loc, thread, emit::index(builder, loc, 1));
  return {startOf(thread), startOf(next)};
}

/// The indices of a numbered iteration, the last dimension's changing fastest,
/// and what it does. What it puts on the stack is gone when it ends.
void LoopSharing::moveBody(scf::ForOp numbers) {
  builder.setInsertionPointToStart(numbers.getBody());
  SmallVector<Value> indices(lengths.size());
  Value rest = numbers.getInductionVar();
  for (size_t dim = lengths.size(); dim-- > 0;) {
    Value place = rest;
    if (dim > 0) {
      place = arith::RemUIOp::create(builder, loc, rest, lengths[dim]);
      rest = arith::DivUIOp::create(builder, loc, rest, lengths[dim]);
    }
    Value distance = emit::mul(builder, loc, place, loop.getStep()[dim]);
    indices[dim] = emit::add(builder, loc, loop.getLowerBound()[dim], distance);
  }
  auto scope = memref::AllocaScopeOp::create(builder, loc, TypeRange{});
  Block *body = builder.createBlock(&scope.getBodyRegion());
  builder.eraseOp(loop.getBody()->getTerminator());
  builder.inlineBlockBefore(loop.getBody(), body, body->end(), indices);
  builder.setInsertionPointToEnd(body);
  memref::AllocaScopeReturnOp::create(builder, loc);
}

/// Functions of the module would take the place of the OpenMP runtime's.
static LogicalResult checkNames(ModuleOp module) {
  for (StringRef name : {kThreads, kThread}) {
    Operation *symbol = module.lookupSymbol(name);
    if (symbol && !isa<LLVM::LLVMFuncOp>(symbol))
      return symbol->emitOpError("has the name @")
             << name << " of a function of the OpenMP runtime, which parallel "
             << "loops call; use another name";
  }
  return success();
}

namespace {
struct ShareLoopsPass : effattn::impl::ShareLoopsPassBase<ShareLoopsPass> {
  void runOnOperation() override {
    SmallVector<scf::ParallelOp> loops;
    getOperation()->walk([&](scf::ParallelOp loop) {
      if (loop.getNumReductions() == 0 &&
          !loop->getParentOfType<omp::ParallelOp>())
        loops.push_back(loop);
    });
    if (!loops.empty() && failed(checkNames(getOperation())))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    for (scf::ParallelOp loop : loops)
      LoopSharing(rewriter, loop).run();
  }
};
} // namespace
