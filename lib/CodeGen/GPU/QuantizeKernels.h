//===- QuantizeKernels.h - The nearest codes of vectors -------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_QUANTIZEKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_QUANTIZEKERNELS_H

#include "effattn/Dialect/MemoryOps.h"

namespace mlir::effattn {

/// Launches that do what the op on buffers does, which they replace.
void buildVectorQuantize(OpBuilder &builder, VectorQuantizeOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_QUANTIZEKERNELS_H
