//===- LoopSizes.h - What operands say about the loops of a linalg op -----===//
#ifndef EFFATTN_LIB_TRANSFORMS_LOOPSIZES_H
#define EFFATTN_LIB_TRANSFORMS_LOOPSIZES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::effattn {

/// A dimension of an operand that is not as large as its loop is by the
/// operands before.
struct SizeConflict {
  unsigned operand, dim;
  int64_t size, expected;
};

/// The first conflict of a linalg op. MLIR looks for them only in ops without
/// any dynamic size.
std::optional<SizeConflict> findSizeConflict(linalg::LinalgOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_LOOPSIZES_H
