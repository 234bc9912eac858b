//===- Passes.h - Tuned expansions for CPUs -----------------------------===//
#ifndef EFFATTN_CODEGEN_CPU_PASSES_H
#define EFFATTN_CODEGEN_CPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::effattn {

#define GEN_PASS_DECL
#include "effattn/CodeGen/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "effattn/CodeGen/CPU/Passes.h.inc"

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_CPU_PASSES_H
