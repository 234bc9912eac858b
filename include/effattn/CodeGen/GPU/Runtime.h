//===- Runtime.h - What compiled code and its GPU runtime agree on --------===//
#ifndef EFFATTN_CODEGEN_GPU_RUNTIME_H
#define EFFATTN_CODEGEN_GPU_RUNTIME_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::effattn {

/// lib/Runtime/Support/Device.h declares the same.
inline constexpr llvm::StringLiteral kRuntimePrefix = "effattn_device_";
inline constexpr llvm::StringLiteral kLaunchFunction = "effattn_device_launch";
inline constexpr llvm::StringLiteral kReadFunction = "effattn_device_read";
/// In front of the global that stands for a kernel.
inline constexpr llvm::StringLiteral kKernelPrefix = "effattn_kernel_";

/// Of that global: the name, the function that emulates a thread, and the PTX
/// that has it.
inline Type getKernelType(Type pointer) {
  return LLVM::LLVMArrayType::get(pointer, 3);
}

/// Gives the declared global its value: addresses of a string, a function and a
/// string, each of which may be null.
void defineKernel(LLVM::GlobalOp kernel, Operation *name, Operation *thread,
                  Operation *image);

/// A private string, with a 0 at its end, whose symbol begins with `stem`.
LLVM::GlobalOp createText(SymbolTable &symbols, Location loc, StringRef stem,
                          StringRef text);

/// Bytes of an element of a buffer.
inline int64_t getElementBytes(MemRefType type) {
  Type element = type.getElementType();
  return element.isIndex() ? 8 : (element.getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_GPU_RUNTIME_H
