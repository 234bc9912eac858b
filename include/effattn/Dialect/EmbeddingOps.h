//===- EmbeddingOps.h - Tables, whole and compressed ---------------------===//
#ifndef EFFATTN_DIALECT_EMBEDDINGOPS_H
#define EFFATTN_DIALECT_EMBEDDINGOPS_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {
/// The operands that make up a table of 4-bit and 8-bit rows; those that are
/// not given are null.
struct QuantizedTable {
  Value codes4, codes8, rowKind, rowIndex, scales, residualCodes,
      residualScales, nearest, nearestWeight;
};
} // namespace mlir::effattn

#define GET_OP_CLASSES
#include "effattn/Dialect/EmbeddingOps.h.inc"

#endif // EFFATTN_DIALECT_EMBEDDINGOPS_H
