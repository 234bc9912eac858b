//===- Passes.h - Kernels for GPUs ----------------------------------------===//
#ifndef EFFATTN_CODEGEN_GPU_PASSES_H
#define EFFATTN_CODEGEN_GPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::effattn {

#define GEN_PASS_DECL
#include "effattn/CodeGen/GPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "effattn/CodeGen/GPU/Passes.h.inc"

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_GPU_PASSES_H
