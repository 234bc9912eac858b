//===- LoopWork.h - How much a fused loop computes and moves ----*- C++ -*-===//
#ifndef EFFATTN_LIB_TRANSFORMS_LOOPWORK_H
#define EFFATTN_LIB_TRANSFORMS_LOOPWORK_H

#include "effattn/Dialect/Work.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::effattn {

/// Emits, at the place of the builder, what the computations in the loop take
/// together: their FLOPs, and the bytes that come from outside of the loop or
/// are its results. Sizes differ between tiles, so that a sequential loop of
/// index arithmetic adds them up. Empty where the loop has no computation, or
/// where sizes hang on more than index arithmetic.
Work emitLoopWork(OpBuilder &builder, scf::ForallOp loop);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_LOOPWORK_H
