//===- Bufferization.cpp - Ops keep their form on buffers -----------------===//
#include "effattn/Dialect/Bufferization.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/CacheOps.h"
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MaskOps.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Dialect/NormOps.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::effattn;

namespace {
/// One model for every computing op: the same op on the buffers of its
/// operands, without results.
template <typename OpTy>
struct ComputeBufferizationModel
    : DstBufferizableOpInterfaceExternalModel<ComputeBufferizationModel<OpTy>,
                                              OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto compute = cast<ComputeOpInterface>(op);
    unsigned firstInit = op->getNumOperands() - compute.getInitCount();
    unsigned number = operand.getOperandNumber();
    // An init that is only a destination is not read: no copy into it.
    return number < firstInit || compute.readsInit(number - firstInit);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto compute = cast<OpTy>(op);
    if (cast<DestinationStyleOpInterface>(op).hasPureBufferSemantics())
      return success();
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        buffers.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    Operation *onBuffers =
        cloneWithoutRegions(rewriter, op, TypeRange(), buffers);
    for (auto [to, from] : llvm::zip(onBuffers->getRegions(), op->getRegions()))
      to.takeBody(from);
    replaceOpWithBufferizedValues(
        rewriter, op,
        ArrayRef<Value>(buffers).take_back(compute.getInitCount()));
    return success();
  }
};

/// Masks and scores are evaluated by whatever an op becomes. Deallocation,
/// which asks, is told that the op never runs its regions.
template <typename OpTy>
struct RegionModel
    : RegionBranchOpInterface::ExternalModel<RegionModel<OpTy>, OpTy> {
  using Successors = SmallVectorImpl<RegionSuccessor>;

  void getSuccessorRegions(Operation *op, RegionBranchPoint,
                           Successors &successors) const {
    successors.emplace_back(op, op->getResults());
  }
  // The defaults of these expect the op itself to implement the interface.
  void getSuccessorRegions_3(Operation *op, Region &,
                             Successors &successors) const {
    successors.emplace_back(op, op->getResults());
  }
  void getEntrySuccessorRegions(Operation *op, ArrayRef<Attribute>,
                                Successors &successors) const {
    successors.emplace_back(op, op->getResults());
  }
  OperandRange getEntrySuccessorOperands(Operation *op, RegionSuccessor) const {
    return op->getOperands().take_front(0);
  }
  void getPredecessors(Operation *, RegionSuccessor,
                       SmallVectorImpl<RegionBranchPoint> &) const {}
  void getPredecessorValues(Operation *, RegionSuccessor, int,
                            SmallVectorImpl<Value> &) const {}
};
} // namespace

template <typename... Ops>
static void attachComputeModels(MLIRContext *context) {
  (Ops::template attachInterface<ComputeBufferizationModel<Ops>>(*context),
   ...);
}

template <typename... Ops>
static void attachRegionModels(MLIRContext *context) {
  (Ops::template attachInterface<RegionModel<Ops>>(*context), ...);
}

template <typename... Ops> static void attachMaskModels(MLIRContext *context) {
  (Ops::template attachInterface<MaskBufferizationModel<Ops>>(*context), ...);
}

void effattn::registerBufferizationModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, EffAttnDialect *) {
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/ConceptOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/MemoryOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/AttentionOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/NormOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/FeedForwardOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/EmbeddingOps.cpp.inc"
        >(context);
    attachComputeModels<
#define GET_OP_LIST
#include "effattn/Dialect/CacheOps.cpp.inc"
        >(context);
    attachRegionModels<AttentionOp>(context);
    attachMaskModels<InitialMaskOp, LengthMaskOp, DocumentMaskOp, DenseMaskOp,
                     SeparatorMaskOp>(context);
  });
}
