//===- RankSort.h - Rows of ranks in order --------------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_RANKSORT_H
#define EFFATTN_LIB_CODEGEN_GPU_RANKSORT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace mlir::effattn {

/// Puts each row of a buffer of i64, whose last size is 2^`bits`, in descending
/// order: a parallel loop for each of the bits (bits + 1) / 2 steps of a
/// bitonic network.
void emitRankSort(OpBuilder &builder, Location loc, Value ranks, Value bits);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_RANKSORT_H
