//===- VectorActivation.h - Functions between two layers, by vectors ------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_VECTORACTIVATION_H
#define EFFATTN_LIB_CODEGEN_CPU_VECTORACTIVATION_H

#include "VectorEmitter.h"
#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// The activation of every lane, without calls of a library; good to some
/// units in the last place, and to 1e-37 far out on the left.
Value emitVectorActivation(VectorEmitter &emitter, Activation activation,
                           Value x);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_VECTORACTIVATION_H
