//===- OutlineKernels.cpp - Expand ops that are equal in one place --------===//
#include "../Contraction.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Ops that an expansion takes together, in their order in a block.
using KernelOps = SmallVector<Operation *, 2>;

/// A function that holds such ops, and who would call it.
struct Kernel {
  OwningOpRef<func::FuncOp> function;
  struct Use {
    KernelOps ops;
    SmallVector<Value> arguments;
  };
  SmallVector<Use> uses;
};

class KernelOutliner {
public:
  explicit KernelOutliner(ModuleOp module)
      : builder(module.getContext()), symbols(module) {}

  /// Notes the ops as a use of a kernel equal to others' or new.
  void add(const KernelOps &ops);
  /// Makes calls of all uses of kernels with more than one.
  void outline();

private:
  OwningOpRef<func::FuncOp> makeFunction(const KernelOps &ops,
                                         SmallVector<Value> &arguments);
  void replaceByCall(const Kernel::Use &use, func::FuncOp function);

  OpBuilder builder;
  SymbolTable symbols;
  SmallVector<Kernel> kernels;
};
} // namespace

//===----------------------------------------------------------------------===//
// Which ops
//===----------------------------------------------------------------------===//

/// What an expansion would replace with `op`; nothing if none takes it.
static KernelOps getKernelOps(Operation *op) {
  if (op->getParentOfType<scf::ParallelOp>() ||
      op->getParentOfType<scf::ForallOp>())
    return {};
  if (isa<AddressMemoryOp, AttentionOp, PackedMatmulOp, QuantizedMatmulOp,
          ProductSoftmaxOp, ProductSoftmaxTopKOp>(op))
    return cast<DestinationStyleOpInterface>(op).hasPureBufferSemantics()
               ? KernelOps{op}
               : KernelOps();
  auto contraction = dyn_cast<linalg::LinalgOp>(op);
  if (!contraction || !contraction.hasPureBufferSemantics() ||
      !Contraction::match(contraction))
    return {};
  if (linalg::FillOp zeros = findZeros(contraction))
    return {zeros, op};
  return {op};
}

static StringRef getKernelName(Operation *op) {
  return isa<linalg::LinalgOp>(op) ? "matmul" : op->getName().stripDialect();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// A scalar that is known is part of a kernel, not given to it.
static bool isKnownScalar(Value value) {
  return value.getType().isIntOrIndexOrFloat() &&
         matchPattern(value, m_Constant());
}

/// The type in which a kernel takes an operand: of memory, any layout whose
/// rows are as contiguous as the operand's, so that an argument of the model
/// and scratch are the same to it.
static Type getArgumentType(Type type) {
  auto memory = dyn_cast<MemRefType>(type);
  if (!memory || memory.getRank() == 0 || !memory.isStrided())
    return type;
  SmallVector<int64_t> strides(memory.getRank(), ShapedType::kDynamic);
  if (memory.isLastDimUnitStride())
    strides.back() = 1;
  return MemRefType::Builder(memory).setLayout(
      StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides));
}

OwningOpRef<func::FuncOp>
KernelOutliner::makeFunction(const KernelOps &ops,
                             SmallVector<Value> &arguments) {
  // An operand that ops use more than once is given once: that it is the same
  // memory is part of what the kernel does.
  llvm::SetVector<Value> used, known;
  auto note = [&](Value value) {
    (isKnownScalar(value) ? known : used).insert(value);
  };
  for (Operation *op : ops) {
    llvm::for_each(op->getOperands(), note);
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::for_each(captured, note);
  }
  arguments = used.takeVector();

  // One place cannot be named for all that call it.
  Location loc = builder.getUnknownLoc();
  SmallVector<Type> types;
  for (Value argument : arguments)
    types.push_back(getArgumentType(argument.getType()));
  OwningOpRef<func::FuncOp> function = func::FuncOp::create(
      loc, "effattn_kernel",
      builder.getFunctionType(types, builder.getI32Type()));
  OpBuilder::InsertionGuard guard(builder);
  Block *body = function->addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(arguments, body->getArguments());
  for (Value scalar : known)
    builder.clone(*scalar.getDefiningOp(), mapping);
  for (Operation *op : ops)
    builder.clone(*op, mapping);
  func::ReturnOp::create(
      builder, loc,
      arith::ConstantIntOp::create(builder, loc, 0, 32).getResult());
  function->walk([&](Operation *op) { op->setLoc(loc); });
  return function;
}

static bool areEqual(func::FuncOp lhs, func::FuncOp rhs) {
  return lhs.getFunctionType() == rhs.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &lhs.getBody(), &rhs.getBody(),
             OperationEquivalence::IgnoreLocations);
}

void KernelOutliner::add(const KernelOps &ops) {
  Kernel::Use use{ops, {}};
  OwningOpRef<func::FuncOp> function = makeFunction(ops, use.arguments);
  auto *equal = llvm::find_if(kernels, [&](Kernel &kernel) {
    return areEqual(*kernel.function, *function);
  });
  if (equal == kernels.end()) {
    kernels.push_back({std::move(function), {}});
    equal = &kernels.back();
  }
  equal->uses.push_back(std::move(use));
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

void KernelOutliner::outline() {
  llvm::StringMap<unsigned> counts;
  for (Kernel &kernel : kernels) {
    if (kernel.uses.size() < 2)
      continue;
    func::FuncOp function = kernel.function.release();
    StringRef kind = getKernelName(kernel.uses[0].ops.back());
    function.setName("effattn_kernel_" + kind.str() + "_" +
                     std::to_string(counts[kind]++));
    function.setPrivate();
    MLIRContext *context = builder.getContext();
    function->setAttr("llvm.linkage",
                      LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
    symbols.insert(function);
    for (Kernel::Use &use : kernel.uses) {
      remark::passed(use.ops.back()->getLoc(),
                     remark::RemarkOpts::name("shared-kernel")
                         .category("effattn-outline-kernels"))
          << remark::reason("one of {0} equal ops that are expanded once, as "
                            "{1}",
                            kernel.uses.size(), function.getName());
      replaceByCall(use, function);
    }
  }
}

void KernelOutliner::replaceByCall(const Kernel::Use &use,
                                   func::FuncOp function) {
  Operation *last = use.ops.back();
  Location loc = last->getLoc();
  builder.setInsertionPoint(last);
  SmallVector<Value> arguments;
  for (auto [value, type] :
       llvm::zip(use.arguments, function.getArgumentTypes()))
    arguments.push_back(
        value.getType() == type
            ? value
            : memref::CastOp::create(builder, loc, type, value));
  func::CallOp::create(builder, loc, function, arguments);
  for (Operation *op : llvm::reverse(use.ops))
    op->erase();
}

namespace {
struct OutlineKernelsPass
    : effattn::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    SmallVector<KernelOps> found;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](Operation *op) {
        KernelOps ops = getKernelOps(op);
        if (!ops.empty())
          found.push_back(std::move(ops));
      });
    KernelOutliner outliner(getOperation());
    for (const KernelOps &ops : found)
      outliner.add(ops);
    outliner.outline();
  }
};
} // namespace
