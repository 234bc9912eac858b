//===- RecordFailures.cpp - Checks inside of kernels ----------------------===//
#include "RecordFailures.h"
#include "KernelLaunch.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

/// Words of the record.
static constexpr int64_t kNumber = 0, kFirstNoted = 1, kArguments = 2;

/// With the arguments of the longest sentence.
static int64_t countWords(func::FuncOp function) {
  size_t most = 0;
  function.walk([&](CheckOp check) {
    most = std::max<size_t>(most, check.getArguments().size());
  });
  return kArguments + int64_t(most);
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

static Value wordConstant(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIntOp::create(builder, loc, value, 64);
}

/// The record is allocated and cleared at the start of the function.
Value FailureRecord::getRecord() {
  if (record)
    return record;
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  Location loc = function.getLoc();
  auto type = MemRefType::get({countWords(function)}, builder.getI64Type());
  record = memref::AllocOp::create(builder, loc, type);
  auto clear = [&](int64_t word, int64_t value) -> Operation * {
    return memref::StoreOp::create(builder, loc,
                                   wordConstant(builder, loc, value), record,
                                   emit::index(builder, loc, word));
  };
  launchSequence(builder,
                 {clear(kNumber, 0),
                  clear(kFirstNoted, std::numeric_limits<int64_t>::max())});
  return record;
}

Value FailureRecord::emitHolds(OpBuilder &builder) {
  Location loc = function.getLoc();
  Value number = memref::LoadOp::create(builder, loc, getRecord(),
                                        emit::index(builder, loc, kNumber));
  return emit::equal(builder, loc, number, wordConstant(builder, loc, 0));
}

Value FailureRecord::emitFirstNoted(OpBuilder &builder) {
  Location loc = function.getLoc();
  return emit::loadIndex(builder, loc, getRecord(),
                         emit::index(builder, loc, kFirstNoted));
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

/// Replaces the checks inside of `op` by what `fail` makes of one that does not
/// hold. Nothing behind it runs then: `emitHolds` tells, behind a loop or a
/// branch, whether the checks inside of it held.
static void replaceChecks(Operation *op,
                          function_ref<void(OpBuilder &, CheckOp)> fail,
                          function_ref<Value(OpBuilder &)> emitHolds) {
  SmallVector<Operation *> checks;
  op->walk([&](CheckOp check) {
    checks.push_back(check);
    Operation *above = check->getParentOp();
    for (; above != op && !llvm::is_contained(checks, above);
         above = above->getParentOp())
      checks.push_back(above);
  });
  // From the last to the first, so that a check moves with what is behind it.
  for (Operation *last : llvm::reverse(checks)) {
    OpBuilder builder(last->getContext());
    builder.setInsertionPointAfter(last);
    if (auto check = dyn_cast<CheckOp>(last)) {
      guardRest(builder, check, check.getCondition());
      fail(builder, check);
      check.erase();
    } else {
      guardRest(builder, last, emitHolds(builder));
    }
  }
}

void FailureRecord::emitRecord(OpBuilder &builder, CheckOp check) {
  Location loc = check.getLoc();
  failures.push_back(
      {loc, check.getMessageAttr(), int64_t(check.getArguments().size())});
  auto first = scf::IfOp::create(builder, loc, emitHolds(builder),
                                 /*withElseRegion=*/false);
  builder.setInsertionPointToStart(first.thenBlock());
  auto store = [&](Value value, int64_t word) {
    memref::StoreOp::create(builder, loc, value, record,
                            emit::index(builder, loc, word));
  };
  store(wordConstant(builder, loc, failures.size()), kNumber);
  for (auto [i, argument] : llvm::enumerate(check.getArguments()))
    store(widen(builder, loc, argument), kArguments + i);
}

void FailureRecord::recordFailures(Operation *op) {
  replaceChecks(
      op,
      [&](OpBuilder &builder, CheckOp check) { emitRecord(builder, check); },
      [&](OpBuilder &builder) { return emitHolds(builder); });
}

void FailureRecord::noteFailures(gpu::LaunchOp launch, Value iteration) {
  Value record = getRecord();
  Location loc = launch.getLoc();
  OpBuilder builder(launch.getContext());
  builder.setInsertionPointToStart(&launch.getBody().front());
  Value holds = memref::AllocaOp::create(
      builder, loc, MemRefType::get({}, builder.getI1Type()));
  builder.setInsertionPointAfterValue(iteration);
  memref::StoreOp::create(builder, loc, emit::boolean(builder, loc, true),
                          holds);
  replaceChecks(
      launch,
      [&](OpBuilder &builder, CheckOp) {
        memref::StoreOp::create(builder, loc,
                                emit::boolean(builder, loc, false), holds);
        memref::AtomicRMWOp::create(builder, loc, arith::AtomicRMWKind::mins,
                                    iteration, record,
                                    emit::index(builder, loc, kFirstNoted));
      },
      [&](OpBuilder &builder) -> Value {
        return memref::LoadOp::create(builder, loc, holds);
      });
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
  Value number = readWord(loc, kNumber);
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
    for (int64_t i = 0; i < failure.argumentCount; ++i)
      arguments.push_back(readWord(failure.loc, kArguments + i));
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
