//===- SupportBitcode.h - Code that every compiled module contains --------===//
#ifndef EFFATTN_RUNTIME_SUPPORTBITCODE_H
#define EFFATTN_RUNTIME_SUPPORTBITCODE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace llvm {
class Module;
class Triple;
} // namespace llvm

namespace mlir::effattn {

/// Bitcode of lib/Runtime/Support for the triple, empty for a target that
/// objects are not made for.
llvm::StringRef getSupportBitcode(const llvm::Triple &triple);

/// Bitcode of the conversions of half and bfloat that the code generator calls
/// where the CPU has no instruction, empty where no CPU of the target needs it.
llvm::StringRef getSoftHalfBitcode(const llvm::Triple &triple);

/// Links the support code for the module's triple into it. Everything becomes
/// internal but the weak `effattn_last_error` and, of a module that records
/// spans, `effattn_spans`; the conversions come along, weak and hidden, when
/// the module has values of type half or bfloat, and the emulator of kernels
/// when it declares a device.
llvm::Error linkSupportCode(llvm::Module &module);

/// Links the mathematical functions that kernels call (lib/Runtime/Device) into
/// a module for NVPTX; everything becomes internal.
llvm::Error linkDeviceMath(llvm::Module &module);

} // namespace mlir::effattn

#endif // EFFATTN_RUNTIME_SUPPORTBITCODE_H
