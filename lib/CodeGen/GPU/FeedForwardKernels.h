//===- FeedForwardKernels.h - Layers and the choice of experts ------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_FEEDFORWARDKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_FEEDFORWARDKERNELS_H

#include "MatrixProduct.h"
#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// The columns of a weight, a matrix in the last two dimensions of a buffer, at
/// the indices that `findMatrix` gives for those before.
Factor columnsOf(
    Value weight, const std::function<SmallVector<Value>()> &findMatrix = [] {
      return SmallVector<Value>();
    });

void buildMoeRoute(OpBuilder &builder, MoeRouteOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_FEEDFORWARDKERNELS_H
