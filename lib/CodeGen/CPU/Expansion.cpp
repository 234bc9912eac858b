//===- Expansion.cpp - What the expansion passes share --------------------===//
#include "Expansion.h"
#include "../Contraction.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

FailureOr<CpuModel> effattn::readCpuModel(Operation *root, CpuModel cpu,
                                          ArrayRef<std::string> tilings) {
  int64_t bits = cpu.vectorBits;
  auto refuseBits = [&](StringRef wanted) {
    return root->emitError("expected vector-bits to be ")
           << wanted << ", but got " << bits;
  };
  if (bits < 128 || bits > 512 || !llvm::isPowerOf2_64(bits))
    return refuseBits("128, 256 or 512");
  if (cpu.shortDots && bits == 128)
    return refuseBits("256 or 512 with short-dots");
  if (cpu.pairDots && bits != 512)
    return refuseBits("512 with pair-dots");
  if (cpu.vectorRegisters < 1)
    return root->emitError("expected vector-registers to be at least 1, but "
                           "got ")
           << cpu.vectorRegisters;
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
