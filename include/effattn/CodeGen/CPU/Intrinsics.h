//===- Intrinsics.h - What intrinsics of CPUs do --------------------------===//
#ifndef EFFATTN_CODEGEN_CPU_INTRINSICS_H
#define EFFATTN_CODEGEN_CPU_INTRINSICS_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::effattn {

/// Lets passes know that the intrinsics of tuned expansions compute, and
/// nothing else.
void registerIntrinsicModels(DialectRegistry &registry);

} // namespace mlir::effattn

#endif // EFFATTN_CODEGEN_CPU_INTRINSICS_H
