//===- Expansion.cpp - What the expansion passes share --------------------===//
#include "Expansion.h"
#include "../Contraction.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

FailureOr<CpuModel> effattn::readCpuModel(Operation *root, int64_t vectorBits,
                                          int64_t vectorRegisters,
                                          bool byteDots, bool pairDots,
                                          ArrayRef<std::string> tilings) {
  if (vectorBits < 128 || vectorBits > 512 || !llvm::isPowerOf2_64(vectorBits))
    return root->emitError("expected vector-bits to be 128, 256 or 512, but "
                           "got ")
           << vectorBits;
  if (pairDots && vectorBits != 512)
    return root->emitError("expected vector-bits to be 512 with pair-dots, but "
                           "got ")
           << vectorBits;
  if (vectorRegisters < 1)
    return root->emitError("expected vector-registers to be at least 1, but "
                           "got ")
           << vectorRegisters;
  CpuModel cpu;
  cpu.vectorBits = vectorBits;
  cpu.vectorRegisters = vectorRegisters;
  cpu.byteDots = byteDots;
  cpu.pairDots = pairDots;
  if (llvm::Error error = cpu.setTilings(tilings))
    return root->emitError(llvm::toString(std::move(error)));
  return cpu;
}

llvm::Error effattn::expandOp(OpBuilder &builder, Operation *op,
                              const CpuModel &cpu,
                              llvm::function_ref<void(Operation *)> erasing) {
  auto refuse = [&](const llvm::Twine &sentence) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
  };
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  if (!destination || !destination.hasPureBufferSemantics())
    return refuse("expected an op whose operands are memrefs");
  auto expandThis = [&](auto known) -> llvm::Error {
    expand(builder, known, cpu);
    return llvm::Error::success();
  };
  builder.setInsertionPoint(op);
  return llvm::TypeSwitch<Operation *, llvm::Error>(op)
      .Case<AddressMemoryOp, AttentionOp, ChunkOp, GatedFFNOp, HourglassFFNOp,
            LoraEmbeddingOp, MoeFFNOp, PackedMatmulOp, ProductSoftmaxOp,
            ProductSoftmaxTopKOp, QuantizedMatmulOp, TensorTrainEmbeddingOp>(
          expandThis)
      .Case([&](linalg::LinalgOp product) -> llvm::Error {
        if (!Contraction::match(product))
          return refuse("expected a product of matrices of floats, outside of "
                        "parallel loops");
        if (linalg::FillOp zeros = findZeros(product))
          erasing(zeros);
        return expandThis(product);
      })
      .Default([&](Operation *) {
        return refuse("there is no tuned expansion of '" +
                      op->getName().getStringRef() + "'");
      });
}
