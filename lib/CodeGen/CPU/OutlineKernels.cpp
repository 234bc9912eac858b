//===- OutlineKernels.cpp - Expand ops that are equal in one place --------===//
#include "../Contraction.h"
#include "StatusFunction.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"

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
  OwningOpRef<func::FuncOp> function =
      makeStatusFunction(builder, ops, getArgumentType, arguments);
  // One place cannot be named for all that call it.
  Location loc = builder.getUnknownLoc();
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
    symbols.insert(function);
    for (Kernel::Use &use : kernel.uses) {
      remark::passed(use.ops.back()->getLoc(),
                     remark::RemarkOpts::name("shared-kernel")
                         .category("effattn-outline-kernels"))
          << remark::reason("one of {0} equal ops that are expanded once, as "
                            "{1}",
                            kernel.uses.size(), function.getName());
      replaceByCall(builder, use.ops, function, use.arguments);
    }
  }
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
