//===- EmulatedOps.h - What the emulator has instructions for ------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_EMULATEDOPS_H
#define EFFATTN_LIB_CODEGEN_GPU_EMULATEDOPS_H

#include "mlir/IR/Operation.h"

namespace mlir::effattn {

/// A function of lib/Runtime/Emulator that does what an op does: it finds the
/// operands in an array of 64-bit words, in which it leaves the results.
struct EmulatedInstruction {
  llvm::StringRef function;
  /// What the op has as attributes.
  int64_t details = 0;
  llvm::SmallVector<Value> operands;
};

/// No instruction has more operands or results.
inline constexpr int64_t kMaxEmulatedWords = 16;

/// Whether the host cannot do what the op does.
bool needsEmulation(Operation *op);

/// Nothing for an op that the emulator does not know.
std::optional<EmulatedInstruction> getEmulatedInstruction(Operation *op);

/// The number of a special register, as lib/Runtime/Emulator counts them.
std::optional<int64_t> getEmulatedRegister(Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_EMULATEDOPS_H
