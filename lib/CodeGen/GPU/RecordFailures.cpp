//===- RecordFailures.cpp - Checks inside of kernels ----------------------===//
#include "RecordFailures.h"
#include "KernelLaunch.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

/// A number and the arguments of the longest sentence.
static int64_t countWords(func::FuncOp function) {
  size_t most = 0;
  function.walk([&](CheckOp check) {
    most = std::max<size_t>(most, check.getArguments().size());
  });
  return 1 + int64_t(most);
}

Value effattn::emitReadBack(OpBuilder &builder, Location loc, Value source,
                            ValueRange indices) {
  auto type = cast<MemRefType>(source.getType());
  SmallVector<OpFoldResult> offsets(indices.begin(), indices.end()),
      ones(indices.size(), builder.getIndexAttr(1));
  Value element = source;
  if (!indices.empty())
    element = memref::SubViewOp::create(
        builder, loc,
        cast<MemRefType>(memref::SubViewOp::inferRankReducedResultType(
            {}, type, offsets, ones, ones)),
        source, offsets, ones, ones);
  Value copy;
  {
    OpBuilder::InsertionGuard guard(builder);
    auto function = builder.getInsertionBlock()
                        ->getParentOp()
                        ->getParentOfType<func::FuncOp>();
    if (!function)
      function = cast<func::FuncOp>(builder.getInsertionBlock()->getParentOp());
    builder.setInsertionPointToStart(&function.getBody().front());
    copy = memref::AllocaOp::create(builder, loc,
                                    MemRefType::get({}, type.getElementType()));
  }
  gpu::MemcpyOp::create(builder, loc, TypeRange(), ValueRange(), copy, element);
  return memref::LoadOp::create(builder, loc, copy);
}

/// The record is allocated and cleared at the start of the function.
Value FailureRecord::getRecord() {
  if (record)
    return record;
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  Location loc = function.getLoc();
  auto type = MemRefType::get({countWords(function)}, builder.getI64Type());
  auto allocation = memref::AllocOp::create(builder, loc, type);
  Value none = arith::ConstantIntOp::create(builder, loc, 0, 64);
  auto clear = memref::StoreOp::create(builder, loc, none, allocation,
                                       emit::index(builder, loc, 0));
  launchSequence(builder, clear.getOperation());
  return record = allocation;
}

Value FailureRecord::emitHolds(OpBuilder &builder) {
  Location loc = function.getLoc();
  Value number = memref::LoadOp::create(builder, loc, getRecord(),
                                        emit::index(builder, loc, 0));
  Value none = arith::ConstantIntOp::create(builder, loc, 0, 64);
  return emit::equal(builder, loc, number, none);
}

static Value emitZero(OpBuilder &builder, Location loc, Type type) {
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

static Value widen(OpBuilder &builder, Location loc, Value value) {
  Type i64 = builder.getI64Type();
  if (value.getType().isIndex())
    return arith::IndexCastOp::create(builder, loc, i64, value);
  if (value.getType().isInteger(1))
    return arith::ExtUIOp::create(builder, loc, i64, value);
  if (value.getType() != i64)
    return arith::ExtSIOp::create(builder, loc, i64, value);
  return value;
}

/// Makes what comes behind `op` in its block run only where the condition
/// holds; values that leave the block are zeros elsewhere. The builder is left
/// where the other branch begins.
static void guardRest(OpBuilder &builder, Operation *op, Value condition) {
  Location loc = op->getLoc();
  Block *block = op->getBlock();
  Operation *terminator = block->getTerminator();
  auto branch = scf::IfOp::create(builder, loc, terminator->getOperandTypes(),
                                  condition, /*withElseRegion=*/true);
  Block *then = branch.thenBlock();
  if (branch.getNumResults() == 0)
    then->getTerminator()->erase();
  then->getOperations().splice(then->end(), block->getOperations(),
                               std::next(branch->getIterator()),
                               terminator->getIterator());
  builder.setInsertionPointToEnd(then);
  scf::YieldOp::create(builder, loc, terminator->getOperands());
  terminator->setOperands(branch.getResults());

  Block *otherwise = branch.elseBlock();
  if (branch.getNumResults() != 0) {
    builder.setInsertionPointToEnd(otherwise);
    SmallVector<Value> zeros;
    for (Type type : branch.getResultTypes())
      zeros.push_back(emitZero(builder, loc, type));
    scf::YieldOp::create(builder, loc, zeros);
  }
  builder.setInsertionPointToStart(otherwise);
}

void FailureRecord::recordFailure(CheckOp check) {
  Location loc = check.getLoc();
  Value record = getRecord();
  failures.push_back(
      {loc, check.getMessageAttr(), int64_t(check.getArguments().size())});
  OpBuilder builder(check->getContext());
  builder.setInsertionPointAfter(check);
  guardRest(builder, check, check.getCondition());
  Value none = emitHolds(builder);
  auto first = scf::IfOp::create(builder, loc, none, /*withElseRegion=*/false);
  builder.setInsertionPointToStart(first.thenBlock());
  memref::StoreOp::create(
      builder, loc,
      arith::ConstantIntOp::create(builder, loc, failures.size(), 64), record,
      emit::index(builder, loc, 0));
  for (auto [i, argument] : llvm::enumerate(check.getArguments()))
    memref::StoreOp::create(builder, loc, widen(builder, loc, argument), record,
                            emit::index(builder, loc, i + 1));
  check.erase();
}

/// What comes behind a loop or a branch may rely on the checks inside.
void FailureRecord::guardBehind(Operation *op) {
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  guardRest(builder, op, emitHolds(builder));
}

void FailureRecord::recordFailures(Operation *op) {
  SmallVector<Operation *> checks;
  op->walk([&](CheckOp check) {
    checks.push_back(check);
    Operation *above = check->getParentOp();
    for (; above != op && !llvm::is_contained(checks, above);
         above = above->getParentOp())
      checks.push_back(above);
  });
  // From the last to the first, so that a check moves with what is behind it.
  for (Operation *check : llvm::reverse(checks))
    if (auto own = dyn_cast<CheckOp>(check))
      recordFailure(own);
    else
      guardBehind(check);
}

func::FuncOp FailureRecord::getReporter() {
  if (reporter)
    return reporter;
  OpBuilder builder(function);
  Location loc = function.getLoc();
  auto type = builder.getFunctionType(record.getType(), builder.getI32Type());
  reporter = func::FuncOp::create(
      builder, loc, (function.getName() + "_failure").str(), type);
  reporter.setPrivate();
  Block *body = reporter.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto readWord = [&](Location loc, int64_t word) {
    return emitReadBack(builder, loc, body->getArgument(0),
                        emit::index(builder, loc, word));
  };
  Value number = readWord(loc, 0);
  Value none = arith::ConstantIntOp::create(builder, loc, 0, 64);
  Value isFailed = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne,
                                         number, none);
  auto failed = scf::IfOp::create(builder, loc, isFailed, false);
  builder.setInsertionPointToStart(failed.thenBlock());
  for (auto [i, failure] : llvm::enumerate(failures)) {
    Value own = arith::ConstantIntOp::create(builder, failure.loc, i + 1, 64);
    Value other = arith::CmpIOp::create(builder, failure.loc,
                                        arith::CmpIPredicate::ne, number, own);
    SmallVector<Value> arguments;
    for (int64_t word = 1; word <= failure.argumentCount; ++word)
      arguments.push_back(readWord(failure.loc, word));
    CheckOp::create(builder, failure.loc, other, failure.message, arguments);
  }
  builder.setInsertionPointToEnd(body);
  func::ReturnOp::create(
      builder, loc, Value(arith::ConstantIntOp::create(builder, loc, 0, 32)));
  return reporter;
}

void FailureRecord::emitReport(OpBuilder &builder, Location loc) {
  func::CallOp::create(builder, loc, getReporter(), record);
}

void FailureRecord::finish() {
  OpBuilder builder(function.getContext());
  function.walk([&](func::ReturnOp end) {
    builder.setInsertionPoint(end);
    emitReport(builder, end.getLoc());
    memref::DeallocOp::create(builder, end.getLoc(), record);
  });
}
