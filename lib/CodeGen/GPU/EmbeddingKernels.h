//===- EmbeddingKernels.h - Rows of tables --------------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_EMBEDDINGKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_EMBEDDINGKERNELS_H

#include "effattn/Dialect/EmbeddingOps.h"

namespace mlir::effattn {

void buildEmbedding(OpBuilder &builder, EmbeddingOp op);
void buildSplitEmbedding(OpBuilder &builder, SplitEmbeddingOp op);
void buildQuantizedEmbedding(OpBuilder &builder, QuantizedEmbeddingOp op);
void buildLoraEmbedding(OpBuilder &builder, LoraEmbeddingOp op);
void buildTensorTrainEmbedding(OpBuilder &builder, TensorTrainEmbeddingOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_EMBEDDINGKERNELS_H
