//===- ExpandOps.h - The expansion of each op -----------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_EXPANDOPS_H
#define EFFATTN_LIB_CODEGEN_CPU_EXPANDOPS_H

#include "effattn/CodeGen/CPU/CpuModel.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::effattn {

/// Each replaces an op on memrefs, with a builder in front of it.
void expand(OpBuilder &builder, AddressMemoryOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, AttentionOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, ChunkOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, GatedFFNOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, HourglassFFNOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, LoraEmbeddingOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, MoeFFNOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, PackedMatmulOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, ProductSoftmaxOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, ProductSoftmaxTopKOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, QuantizedMatmulOp op, const CpuModel &cpu);
void expand(OpBuilder &builder, TensorTrainEmbeddingOp op, const CpuModel &cpu);
/// Leaves an op that is no contraction.
void expand(OpBuilder &builder, linalg::LinalgOp op, const CpuModel &cpu);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_EXPANDOPS_H
