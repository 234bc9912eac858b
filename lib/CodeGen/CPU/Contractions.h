//===- Contractions.h - Linalg ops that are products of matrices ----------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_CONTRACTIONS_H
#define EFFATTN_LIB_CODEGEN_CPU_CONTRACTIONS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::effattn {

/// Whether effattn-expand-contractions expands the op.
bool isExpandableContraction(linalg::LinalgOp op);
/// The zeros that the op's result starts from, where nothing else sees them.
linalg::FillOp findZeros(linalg::LinalgOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_CONTRACTIONS_H
