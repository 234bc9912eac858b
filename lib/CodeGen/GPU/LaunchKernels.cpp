//===- LaunchKernels.cpp - What the host does, and what the device --------===//
#include "KernelLaunch.h"
#include "ParallelChecks.h"
#include "effattn/CodeGen/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/Utils/GPUUtils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LAUNCHKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Which loops are parallel
//===----------------------------------------------------------------------===//

static bool isParallelLoop(Operation *op) {
  return isa<scf::ParallelOp, scf::ForallOp>(op);
}

template <typename Op> static bool contains(Operation *op) {
  return op->walk([](Op) { return WalkResult::interrupt(); }).wasInterrupted();
}

static bool isBuffer(Type type) { return isa<BaseMemRefType>(type); }

/// A branch that is worth the host's knowing its condition.
static bool isBranchToCheckLoops(Operation *op) {
  return isa<scf::IfOp>(op) && op->walk([](scf::ForOp loop) {
                                   return getCheckLoop(loop)
                                              ? WalkResult::interrupt()
                                              : WalkResult::advance();
                                 }).wasInterrupted();
}

/// Leaves the outermost parallel loops, as scf.parallel.
static LogicalResult flattenParallelism(Operation *root) {
  SmallVector<Operation *> inner, outer;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isParallelLoop(op))
      return;
    bool isInner = contains<CheckOp>(op);
    for (Operation *above = op->getParentOp(); above && !isInner;
         above = above->getParentOp())
      isInner = isParallelLoop(above) && !contains<CheckOp>(above);
    (isInner ? inner : outer).push_back(op);
  });
  for (Operation *op : llvm::concat<Operation *>(inner, outer))
    if (op->getNumResults() != 0)
      return op->emitOpError("expected no results, but got ")
             << op->getNumResults() << "; bufferize before this pass";
  IRRewriter rewriter(root->getContext());
  for (Operation *op : inner) {
    rewriter.setInsertionPoint(op);
    auto forall = dyn_cast<scf::ForallOp>(op);
    LogicalResult done = forall ? scf::forallToForLoop(rewriter, forall)
                                : LogicalResult(scf::parallelForToNestedFors(
                                      rewriter, cast<scf::ParallelOp>(op)));
    if (failed(done))
      return done;
  }
  for (Operation *op : outer) {
    rewriter.setInsertionPoint(op);
    auto forall = dyn_cast<scf::ForallOp>(op);
    if (forall && failed(scf::forallToParallelLoop(rewriter, forall)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Dividing a function
//===----------------------------------------------------------------------===//

namespace {
class Division {
public:
  explicit Division(func::FuncOp function)
      : function(function), record(function), builder(function.getContext()) {}

  LogicalResult run();

private:
  enum class Place { Host, Device, Around };
  /// Where an op runs; an op Around kernels is a loop or a branch of the host,
  /// or a kernel itself.
  Place choose(Operation *op);
  void divide(Block &block);
  /// Makes a kernel of what has been put aside, and reads back what the host
  /// needs of it.
  void flush();
  bool usesPending(Operation *op);
  void readBackResults(gpu::LaunchOp launch);

  func::FuncOp function;
  FailureRecord record;
  OpBuilder builder;
  llvm::SetVector<Operation *> pending;
  /// Launches, in order, and where scalars are read back.
  SmallVector<gpu::LaunchOp> launches;
  SmallVector<Operation *> readBacks;
};
} // namespace

/// Whether `op` frees memory that stood before it, as the host does. What it
/// also allocates becomes scratch of a kernel.
static bool freesOlderMemory(Operation *op) {
  return op
      ->walk([&](memref::DeallocOp dealloc) {
        Operation *scope = dealloc.getMemref().getParentRegion()->getParentOp();
        return op->isAncestor(scope) ? WalkResult::advance()
                                     : WalkResult::interrupt();
      })
      .wasInterrupted();
}

Division::Place Division::choose(Operation *op) {
  if (isa<scf::ParallelOp, gpu::LaunchOp>(op))
    return Place::Around;
  if (isa<memref::AllocOp, memref::DeallocOp, CheckOp, func::CallOp>(op) ||
      op->hasTrait<OpTrait::IsTerminator>())
    return Place::Host;
  if (op->getNumRegions() == 0)
    return isMemoryEffectFree(op) ? Place::Host : Place::Device;
  if (contains<scf::ParallelOp>(op) || contains<gpu::LaunchOp>(op) ||
      contains<func::CallOp>(op) || freesOlderMemory(op) ||
      llvm::any_of(op->getResultTypes(), isBuffer) || isBranchToCheckLoops(op))
    return Place::Around;
  // Without memory, a region computes sizes or checks them.
  bool touchesMemory =
      op->walk([](Operation *nested) {
          bool touches = nested->getNumRegions() == 0 &&
                         !isa<CheckOp>(nested) && !isMemoryEffectFree(nested);
          return touches ? WalkResult::interrupt() : WalkResult::advance();
        }).wasInterrupted();
  return touchesMemory ? Place::Device : Place::Host;
}

bool Division::usesPending(Operation *op) {
  return op
      ->walk([&](Operation *nested) {
        bool isUser = llvm::any_of(nested->getOperands(), [&](Value value) {
          Operation *source = value.getDefiningOp();
          return source && pending.contains(source);
        });
        return isUser ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Hands scalars from a launch to the host through memory of the device.
void Division::readBackResults(gpu::LaunchOp launch) {
  Region &body = launch.getBody();
  bool any = false;
  for (Operation &op : llvm::make_early_inc_range(body.front())) {
    for (Value result : op.getResults()) {
      auto isOutside = [&](OpOperand &use) {
        return !body.isAncestor(use.getOwner()->getParentRegion());
      };
      if (llvm::none_of(result.getUses(), isOutside))
        continue;
      OpBuilder::InsertionGuard guard(builder);
      Location loc = op.getLoc();
      builder.setInsertionPoint(launch);
      Value slot = memref::AllocOp::create(
          builder, loc, MemRefType::get({}, result.getType()));
      builder.setInsertionPointAfter(&op);
      memref::StoreOp::create(builder, loc, result, slot);
      builder.setInsertionPointAfter(launch);
      Value read = emitReadBack(builder, loc, slot);
      any = true;
      memref::DeallocOp::create(builder, loc, slot);
      result.replaceUsesWithIf(read, isOutside);
    }
  }
  if (any)
    readBacks.push_back(launch->getNextNode());
}

void Division::flush() {
  if (pending.empty())
    return;
  for (Operation *op : pending)
    if (contains<CheckOp>(op))
      record.recordFailures(op);
  gpu::LaunchOp launch = launchSequence(builder, pending.getArrayRef());
  launches.push_back(launch);
  readBackResults(launch);
  pending.clear();
}

void Division::divide(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    switch (choose(&op)) {
    case Place::Device:
      // A later op may rely on what a check has found to hold.
      if (scf::ForOp loop = getCheckLoop(&op)) {
        flush();
        llvm::append_range(launches, launchChecks(builder, loop, record));
      } else if (contains<CheckOp>(&op)) {
        flush();
        pending.insert(&op);
        flush();
      } else {
        pending.insert(&op);
      }
      break;
    case Place::Host:
      // What needs nothing of the device comes before its kernel.
      if (op.hasTrait<OpTrait::IsTerminator>() ||
          isa<memref::DeallocOp, func::CallOp>(op))
        flush();
      if (!usesPending(&op))
        break;
      if (isPure(&op) && llvm::none_of(op.getResultTypes(), isBuffer))
        pending.insert(&op);
      else
        flush();
      break;
    case Place::Around:
      flush();
      if (auto loop = dyn_cast<scf::ParallelOp>(op)) {
        launches.push_back(launchParallel(builder, loop));
        break;
      }
      if (auto launch = dyn_cast<gpu::LaunchOp>(op)) {
        launches.push_back(launch);
        break;
      }
      for (Region &region : op.getRegions())
        for (Block &nested : region)
          divide(nested);
      break;
    }
  }
  flush();
}

LogicalResult Division::run() {
  if (failed(flattenParallelism(function)))
    return failure();
  divide(function.getBody().front());
  if (!record.isNeeded())
    return success();
  for (gpu::LaunchOp launch : launches)
    guardLaunch(launch,
                [&](OpBuilder &builder) { return record.emitHolds(builder); });
  for (Operation *op : readBacks) {
    builder.setInsertionPoint(op);
    record.emitReport(builder, op->getLoc());
  }
  record.finish();
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels as functions
//===----------------------------------------------------------------------===//

/// What is cheaper to compute again than to pass, and tables: the module of the
/// kernels has its own.
static bool belongsInside(Operation *op) {
  return isa<arith::ConstantOp, memref::DimOp, memref::GetGlobalOp,
             memref::SubViewOp, memref::CastOp, memref::CollapseShapeOp,
             memref::ExpandShapeOp>(op);
}

static void copyTables(gpu::GPUModuleOp kernels) {
  auto module = kernels->getParentOfType<ModuleOp>();
  SymbolTable symbols(kernels);
  kernels.walk([&](memref::GetGlobalOp use) {
    if (symbols.lookup(use.getName()))
      return;
    auto table = cast<memref::GlobalOp>(
        SymbolTable::lookupSymbolIn(module, use.getNameAttr()));
    symbols.insert(table->clone(), kernels.getBody()->begin());
  });
}

static gpu::GPUModuleOp createKernelModule(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto kernels =
      gpu::GPUModuleOp::create(builder, module.getLoc(), "effattn_kernels");
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  builder.getUnitAttr());
  return kernels;
}

static LogicalResult outline(gpu::LaunchOp launch, gpu::GPUModuleOp kernels,
                             StringRef name) {
  if (failed(sinkOperationsIntoLaunchOp(launch, belongsInside)))
    return failure();
  WalkResult allocations = launch.walk([](memref::AllocOp allocation) {
    allocation.emitError("this allocation of a kernel has a size that the host "
                         "cannot compute");
    return WalkResult::interrupt();
  });
  if (allocations.wasInterrupted())
    return failure();
  // Bufferization has a function for that, which runs on the host.
  WalkResult calls = launch.walk([](func::CallOp call) {
    call.emitError("this loop of a kernel would allocate and free memory in "
                   "each of its steps; give what it yields a destination");
    return WalkResult::interrupt();
  });
  if (calls.wasInterrupted())
    return failure();
  SmallVector<Value> operands;
  gpu::GPUFuncOp kernel = outlineKernelFunc(launch, name, operands);
  for (NamedAttribute attribute : launch->getDiscardableAttrs())
    kernel->setDiscardableAttr(attribute.getName(), attribute.getValue());
  SymbolTable(kernels).insert(kernel, kernels.getBody()->end());
  OpBuilder builder(launch);
  gpu::LaunchFuncOp::create(builder, launch.getLoc(), kernel,
                            launch.getGridSizeOperandValues(),
                            launch.getBlockSizeOperandValues(),
                            launch.getDynamicSharedMemorySize(), operands);
  launch.erase();
  return success();
}

namespace {
struct LaunchKernelsPass
    : effattn::impl::LaunchKernelsPassBase<LaunchKernelsPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(Division(function).run()))
        return signalPassFailure();
    SmallVector<gpu::LaunchOp> launches;
    getOperation()->walk(
        [&](gpu::LaunchOp launch) { launches.push_back(launch); });
    if (launches.empty())
      return;
    gpu::GPUModuleOp kernels = createKernelModule(getOperation());
    for (auto [i, launch] : llvm::enumerate(launches)) {
      auto function = launch->getParentOfType<func::FuncOp>();
      std::string name = function.getName().str();
      if (SymbolRefAttr stem = launch.getFunctionAttr())
        name += "_" + stem.getLeafReference().str();
      name += "_" + std::to_string(i);
      if (failed(outline(launch, kernels, name)))
        return signalPassFailure();
    }
    copyTables(kernels);
  }
};
} // namespace
