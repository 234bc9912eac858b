//===- LowerChecks.cpp - Checks as branches to an error return ------------===//
#include "RuntimeCalls.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/Place.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LOWERCHECKSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

// The codes of docs/design/entry-points.md.
static constexpr int32_t kDataError = 2;
static constexpr int32_t kOutOfMemory = 3;
static constexpr llvm::StringLiteral kFailFunction = "effattn_fail";

namespace {
class CheckLowering {
public:
  explicit CheckLowering(ModuleOp module)
      : module(module), symbols(module), builder(module.getContext()) {}

  LogicalResult run(func::FuncOp function);

private:
  /// Branches to a new block before `op` unless `condition` holds. The block
  /// returns the status that `emitStatus` gives there.
  void branch(func::FuncOp function, Operation *op, Value condition,
              function_ref<Value()> emitStatus);
  /// Sets what effattn_last_error() returns; the value is `code`.
  Value emitError(Location loc, int32_t code, StringRef message,
                  ValueRange arguments);
  bool mayFail(func::CallOp call);
  Value emitArguments(Location loc, ValueRange arguments);
  LLVM::LLVMFuncOp getFailFunction();

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder builder;
};
} // namespace

LLVM::LLVMFuncOp CheckLowering::getFailFunction() {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      builder.getI32Type(), {builder.getI32Type(), pointer, pointer});
  return declareRuntime(builder, module, symbols, kFailFunction, type);
}

/// The integers of the sentence as an i64 array on the stack.
Value CheckLowering::emitArguments(Location loc, ValueRange arguments) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  if (arguments.empty())
    return LLVM::ZeroOp::create(builder, loc, pointer);
  Type i64 = builder.getI64Type();
  Value count = LLVM::ConstantOp::create(
      builder, loc, i64, builder.getI64IntegerAttr(arguments.size()));
  Value array = LLVM::AllocaOp::create(builder, loc, pointer, i64, count);
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    Value wide = argument;
    if (wide.getType().isIndex())
      wide = arith::IndexCastOp::create(builder, loc, i64, wide);
    else if (wide.getType().isInteger(1))
      wide = arith::ExtUIOp::create(builder, loc, i64, wide);
    else if (wide.getType() != i64)
      wide = arith::ExtSIOp::create(builder, loc, i64, wide);
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, i64, array,
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    LLVM::StoreOp::create(builder, loc, wide, slot);
  }
  return array;
}

Value CheckLowering::emitError(Location loc, int32_t code, StringRef message,
                               ValueRange arguments) {
  std::string place = describePlace(loc);
  if (!place.empty())
    place += ": ";
  return LLVM::CallOp::create(
             builder, loc, getFailFunction(),
             ValueRange{arith::ConstantIntOp::create(builder, loc, code, 32),
                        emitString(builder, module, symbols, loc,
                                   "effattn_message", place + message.str()),
                        emitArguments(loc, arguments)})
      .getResult();
}

void CheckLowering::branch(func::FuncOp function, Operation *op,
                           Value condition, function_ref<Value()> emitStatus) {
  Location loc = op->getLoc();
  Block *before = op->getBlock();
  Block *after = before->splitBlock(op);
  Block *failed =
      builder.createBlock(&function.getBody(), function.getBody().end());
  Value status = emitStatus();
  SmallVector<Value> results;
  for (Type type : function.getResultTypes().drop_back())
    results.push_back(ub::PoisonOp::create(builder, loc, type));
  results.push_back(status);
  func::ReturnOp::create(builder, loc, results);
  builder.setInsertionPointToEnd(before);
  cf::CondBranchOp::create(builder, loc, condition, after, failed);
}

/// A private function whose result is a status: a kernel of
/// effattn-outline-kernels, or a function of the runtime.
bool CheckLowering::mayFail(func::CallOp call) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  return callee && callee.isPrivate() && callee.getNumResults() == 1 &&
         callee.getResultTypes()[0].isInteger(32);
}

LogicalResult CheckLowering::run(func::FuncOp function) {
  SmallVector<CheckOp> checks;
  SmallVector<func::CallOp> calls;
  SmallVector<memref::AllocOp> allocations;
  function.walk([&](Operation *op) {
    if (auto check = dyn_cast<CheckOp>(op))
      checks.push_back(check);
    auto call = dyn_cast<func::CallOp>(op);
    if (call && mayFail(call))
      calls.push_back(call);
    auto allocation = dyn_cast<memref::AllocOp>(op);
    if (allocation && allocation->getParentOp() == function)
      allocations.push_back(allocation);
  });
  if (checks.empty() && calls.empty() && allocations.empty())
    return success();
  ArrayRef<Type> types = function.getResultTypes();
  if (types.empty() || !types.back().isInteger(32))
    return function.emitError("expected the last result of '")
           << function.getName()
           << "' to be an i32 status; run effattn-prepare-entry-points";
  for (CheckOp check : checks) {
    if (check->getParentOp() != function)
      return check.emitOpError("expected no region between the check and its "
                               "function, because a failed check returns; "
                               "run effattn-limit-parallelism and "
                               "convert-scf-to-cf before");
    branch(function, check, check.getCondition(), [&] {
      return emitError(check.getLoc(), kDataError, check.getMessage(),
                       check.getArguments());
    });
    check.erase();
  }
  for (func::CallOp call : calls) {
    if (call->getParentOp() != function)
      return call.emitOpError("expected no region between the call and its "
                              "function, because a failed call returns; "
                              "run convert-scf-to-cf before");
    Location loc = call.getLoc();
    Value status = call.getResult(0);
    builder.setInsertionPointAfter(call);
    Value holds = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::eq, status,
        arith::ConstantIntOp::create(builder, loc, 0, 32));
    // Who failed has left a message.
    branch(function, holds.getDefiningOp()->getNextNode(), holds,
           [&] { return status; });
  }
  for (memref::AllocOp allocation : allocations) {
    Location loc = allocation.getLoc();
    builder.setInsertionPointAfter(allocation);
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc,
                                                                   allocation);
    Value holds = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne,
                                        address, emit::index(builder, loc, 0));
    branch(function, holds.getDefiningOp()->getNextNode(), holds, [&] {
      return emitError(loc, kOutOfMemory, "out of memory", ValueRange());
    });
  }
  return success();
}

namespace {
struct LowerChecksPass : effattn::impl::LowerChecksPassBase<LowerChecksPass> {
  void runOnOperation() override {
    CheckLowering lowering(getOperation());
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!function.isExternal() && failed(lowering.run(function)))
        return signalPassFailure();
  }
};
} // namespace
