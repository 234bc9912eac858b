//===- ConceptKernels.h - Kernels of single concept ops -------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_CONCEPTKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_CONCEPTKERNELS_H

#include "effattn/Dialect/ConceptOps.h"

namespace mlir::effattn {

/// Launches that do what an op on buffers does, which they replace.
void buildBoundaryProbability(OpBuilder &builder, BoundaryProbabilityOp op);
void buildBoundaryCount(OpBuilder &builder, BoundaryCountOp op);
void buildRatioLoss(OpBuilder &builder, RatioLossOp op);
void buildChunk(OpBuilder &builder, ChunkOp op);
void buildDechunk(OpBuilder &builder, DechunkOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_CONCEPTKERNELS_H
