//===- Kernels.h - From the NVVM dialect to PTX and machine code ----------===//
#ifndef EFFATTN_TARGET_KERNELS_H
#define EFFATTN_TARGET_KERNELS_H

#include "effattn/Target/KernelReport.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace mlir::effattn {

/// `gpu` is an NVIDIA GPU by LLVM's name, sm_80 or a later one: bf16 has no
/// instructions before.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createGpuMachine(llvm::StringRef gpu, unsigned optimization);

/// PTX of the kernels of a module: of its `gpu.module`, which holds the LLVM
/// and NVVM dialects. Needs nothing of CUDA.
FailureOr<std::string> generatePtx(ModuleOp module,
                                   llvm::TargetMachine &machine,
                                   unsigned optimization);

/// Makes PTX part of the module for the host, in place of its `gpu.module`.
void embedPtx(ModuleOp module, llvm::StringRef ptx);

/// Machine code for one GPU and what its kernels need, made by ptxas, which
/// comes with CUDA or from PyPI.
struct Cubin {
  std::string code;
  std::vector<KernelResources> kernels;
};
llvm::Expected<Cubin> assemblePtx(llvm::StringRef ptx, llvm::StringRef gpu);

/// The instructions of machine code as nvdisasm prints them, which comes with
/// CUDA or from PyPI; empty without it.
std::string disassemble(llvm::StringRef machineCode);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_KERNELS_H
