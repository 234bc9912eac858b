//===- Passes.h - Passes of Transforms ----------------------------------===//
#ifndef EFFATTN_TRANSFORMS_PASSES_H
#define EFFATTN_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::effattn {

#define GEN_PASS_DECL
#include "effattn/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "effattn/Transforms/Passes.h.inc"

} // namespace mlir::effattn

#endif // EFFATTN_TRANSFORMS_PASSES_H
