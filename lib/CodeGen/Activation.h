//===- Activation.h - Functions between two layers ------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_ACTIVATION_H
#define EFFATTN_LIB_CODEGEN_ACTIVATION_H

#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// The activation of `x`, an f32 or a vector of f32.
Value emitActivation(OpBuilder &builder, Location loc, Activation activation,
                     Value x);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_ACTIVATION_H
