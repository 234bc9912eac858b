//===- Bufferization.h - Ops keep their form on buffers -------------------===//
#ifndef EFFATTN_DIALECT_BUFFERIZATION_H
#define EFFATTN_DIALECT_BUFFERIZATION_H

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/DialectRegistry.h"

namespace mlir::effattn {

void registerBufferizationModels(DialectRegistry &registry);

/// Bufferization of a mask op: its tensor operands are read, nothing is
/// written, and the result is no tensor. Masks of plugins attach it too:
/// `MyMaskOp::attachInterface<MaskBufferizationModel<MyMaskOp>>(*context)`.
template <typename OpTy>
struct MaskBufferizationModel
    : bufferization::BufferizableOpInterface::ExternalModel<
          MaskBufferizationModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const bufferization::AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const bufferization::AnalysisState &) const {
    return false;
  }
  bufferization::AliasingValueList
  getAliasingValues(Operation *, OpOperand &,
                    const bufferization::AnalysisState &) const {
    return {};
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const bufferization::BufferizationOptions &options,
                          bufferization::BufferizationState &state) const {
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<TensorType>(operand.get().getType()))
        continue;
      FailureOr<Value> buffer =
          bufferization::getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      rewriter.modifyOpInPlace(op, [&] { operand.set(*buffer); });
    }
    return success();
  }
};

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_BUFFERIZATION_H
