//===- PackedMatmul.h - Products with panels packed ahead of time ---------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_PACKEDMATMUL_H
#define EFFATTN_LIB_CODEGEN_CPU_PACKEDMATMUL_H

#include "effattn/CodeGen/CPU/CpuModel.h"
#include "effattn/Dialect/FeedForwardOps.h"

namespace mlir::effattn {

/// Replaces an op on memrefs.
void expandPackedMatmul(OpBuilder &builder, PackedMatmulOp op,
                        const CpuModel &cpu);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_PACKEDMATMUL_H
