//===- Passes.h - Passes of Target ----------------------------------------===//
#ifndef EFFATTN_TARGET_PASSES_H
#define EFFATTN_TARGET_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::effattn {

#define GEN_PASS_DECL
#include "effattn/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "effattn/Target/Passes.h.inc"

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_PASSES_H
