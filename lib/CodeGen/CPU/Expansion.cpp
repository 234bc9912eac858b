//===- Expansion.cpp - What the expansion passes share --------------------===//
#include "Expansion.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

FailureOr<CpuModel> effattn::readCpuModel(Operation *root, int64_t vectorBits,
                                          int64_t vectorRegisters,
                                          bool byteDots,
                                          ArrayRef<std::string> tilings) {
  if (vectorBits < 128 || vectorBits > 512 || !llvm::isPowerOf2_64(vectorBits))
    return root->emitError("expected vector-bits to be 128, 256 or 512, but "
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
  if (llvm::Error error = cpu.setTilings(tilings))
    return root->emitError(llvm::toString(std::move(error)));
  return cpu;
}
