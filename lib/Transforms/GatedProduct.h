//===- GatedProduct.h - act(gate) * up, however it is written -------------===//
#ifndef EFFATTN_LIB_TRANSFORMS_GATEDPRODUCT_H
#define EFFATTN_LIB_TRANSFORMS_GATEDPRODUCT_H

#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// act(gate) * up, elementwise.
struct GatedProduct {
  Value gate, up;
  Activation activation;
};

/// The gated product that the tensor `hidden` holds, whether one linalg op
/// computes it or a chain of linalg, arith and math ops on tensors.
///
/// Activations are known in their usual forms: silu(g) as g / (1 + exp(-g)) or
/// g times 1 / (1 + exp(-g)); gelu as 0.5 g (1 + erf(g / sqrt 2)), its tanh
/// form, in any order of the factors; relu as a maximum with 0.
std::optional<GatedProduct> matchGatedProduct(Value hidden);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_GATEDPRODUCT_H
