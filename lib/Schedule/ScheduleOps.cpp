//===- ScheduleOps.cpp - Ops of the transform dialect ---------------------===//
#include "effattn/CodeGen/CPU/ExpandOp.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Schedule/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/OpImplementation.h"

#define GET_OP_CLASSES
#include "effattn/Schedule/ScheduleOps.h.inc"

#define GET_OP_CLASSES
#include "effattn/Schedule/ScheduleOps.cpp.inc"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Notes what stands in the place of ops that are replaced: the new ops with
/// regions in their block.
struct Replacements : RewriterBase::ForwardingListener {
  using ForwardingListener::ForwardingListener;

  void notifyOperationInserted(Operation *op,
                               OpBuilder::InsertPoint previous) override {
    ForwardingListener::notifyOperationInserted(op, previous);
    inserted.insert(op);
  }
  void notifyOperationErased(Operation *op) override {
    ForwardingListener::notifyOperationErased(op);
    inserted.remove(op);
  }

  /// Those since the last call.
  void moveTo(SmallVectorImpl<Operation *> &list, Block *block) {
    for (Operation *op : inserted)
      if (op->getBlock() == block && op->getNumRegions() > 0)
        list.push_back(op);
    inserted.clear();
  }

private:
  llvm::SetVector<Operation *> inserted;
};
} // namespace

/// Calls `replace` for every target, and gives the result what it made. An
/// error becomes a failure of the transform op.
static DiagnosedSilenceableFailure replaceEach(
    transform::TransformOpInterface transform, OpOperand &target,
    transform::TransformRewriter &rewriter,
    transform::TransformResults &results, transform::TransformState &state,
    llvm::function_ref<llvm::Error(Operation *, Replacements &)> replace) {
  Replacements replacements(rewriter.getListener());
  SmallVector<Operation *> made;
  for (Operation *op : llvm::to_vector(state.getPayloadOps(target.get()))) {
    // What an op before it has taken along is in the handle no longer.
    if (!llvm::is_contained(state.getPayloadOps(target.get()), op))
      continue;
    Block *block = op->getBlock();
    if (llvm::Error error = replace(op, replacements)) {
      DiagnosedSilenceableFailure diagnostic =
          transform.emitSilenceableError() << llvm::toString(std::move(error));
      diagnostic.attachNote(op->getLoc()) << "this op";
      return diagnostic;
    }
    replacements.moveTo(made, block);
  }
  results.set(transform->getResult(0), made);
  return DiagnosedSilenceableFailure::success();
}

//===----------------------------------------------------------------------===//
// expand
//===----------------------------------------------------------------------===//

static FailureOr<CpuModel> readCpuModel(transform::ExpandOp op) {
  std::vector<std::string> tilings;
  if (std::optional<DictionaryAttr> given = op.getTiling()) {
    for (NamedAttribute entry : *given) {
      auto number = dyn_cast<IntegerAttr>(entry.getValue());
      if (!number || !number.getType().isInteger(64))
        return op.emitOpError("expected tiling '")
               << entry.getName().getValue() << "' to be an i64, but got "
               << entry.getValue();
      tilings.push_back(
          (entry.getName().getValue() + ":" + llvm::Twine(number.getInt()))
              .str());
    }
  }
  CpuModel cpu;
  cpu.vectorBits = op.getVectorBits();
  cpu.vectorRegisters = op.getVectorRegisters();
  cpu.byteDots = op.getByteDots();
  cpu.shortDots = op.getShortDots();
  cpu.pairDots = op.getPairDots();
  return readCpuModel(op, cpu, tilings);
}

// C1: the tilings are those that effattn-compile has.
LogicalResult transform::ExpandOp::verify() { return readCpuModel(*this); }

DiagnosedSilenceableFailure
transform::ExpandOp::apply(transform::TransformRewriter &rewriter,
                           transform::TransformResults &results,
                           transform::TransformState &state) {
  FailureOr<CpuModel> cpu = readCpuModel(*this);
  if (failed(cpu))
    return emitDefiniteFailure("describes no CPU");
  auto expandThis = [&](Operation *op, Replacements &replacements) {
    // Expansions erase ops without a word; the handle to `op` ends here.
    auto forget = [&](Operation *erased) {
      replacements.notifyOperationErased(erased);
    };
    OpBuilder builder(getContext(), &replacements);
    return expandOp(builder, op, *cpu, forget);
  };
  return replaceEach(*this, getTargetMutable(), rewriter, results, state,
                     expandThis);
}

//===----------------------------------------------------------------------===//
// lower_to_linalg
//===----------------------------------------------------------------------===//

static llvm::Error lowerThis(Operation *op, OpBuilder::Listener &listener) {
  auto refuse = [&](const Twine &sentence) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
  };
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  if (!destination || !destination.hasPureTensorSemantics())
    return refuse("expected an op whose operands are tensors");
  StringRef name = op->getName().getStringRef();
  IRRewriter rewriter(op->getContext(), &listener);
  if (failed(lowerOpToLinalg(rewriter, op)))
    return refuse("there is no lowering of '" + name + "' to linalg");
  return llvm::Error::success();
}

DiagnosedSilenceableFailure
transform::LowerToLinalgOp::apply(transform::TransformRewriter &rewriter,
                                  transform::TransformResults &results,
                                  transform::TransformState &state) {
  return replaceEach(*this, getTargetMutable(), rewriter, results, state,
                     [](Operation *op, Replacements &replacements) {
                       return lowerThis(op, replacements);
                     });
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

namespace {
class ScheduleExtension
    : public transform::TransformDialectExtension<ScheduleExtension> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleExtension)

  ScheduleExtension() {
    declareGeneratedDialect<arith::ArithDialect>();
    declareGeneratedDialect<LLVM::LLVMDialect>();
    declareGeneratedDialect<linalg::LinalgDialect>();
    declareGeneratedDialect<math::MathDialect>();
    declareGeneratedDialect<memref::MemRefDialect>();
    declareGeneratedDialect<scf::SCFDialect>();
    declareGeneratedDialect<tensor::TensorDialect>();
    declareGeneratedDialect<vector::VectorDialect>();
    registerTransformOps<
#define GET_OP_LIST
#include "effattn/Schedule/ScheduleOps.cpp.inc"
        >();
  }
};
} // namespace

void effattn::registerScheduleOps(DialectRegistry &registry) {
  registry.addExtensions<ScheduleExtension>();
}
