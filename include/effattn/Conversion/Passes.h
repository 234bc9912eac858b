//===- Passes.h - Passes of Conversion ----------------------------------===//
#ifndef EFFATTN_CONVERSION_PASSES_H
#define EFFATTN_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::effattn {

#define GEN_PASS_DECL
#include "effattn/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "effattn/Conversion/Passes.h.inc"

} // namespace mlir::effattn

#endif // EFFATTN_CONVERSION_PASSES_H
