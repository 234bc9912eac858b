//===- ParallelChecks.h - Loops of checks as parallel kernels -------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_PARALLELCHECKS_H
#define EFFATTN_LIB_CODEGEN_GPU_PARALLELCHECKS_H

#include "RecordFailures.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::effattn {

/// A loop whose iterations only load and check and carry nothing from one to
/// the next, or null.
scf::ForOp getCheckLoop(Operation *op);

/// Makes two kernels of a check loop and erases it. In the first, all threads
/// look and the first iteration to fail is noted; in the second, one thread
/// repeats that iteration to record its sentence, so that it is the one that
/// the loop would have failed with.
SmallVector<gpu::LaunchOp> launchChecks(OpBuilder &builder, scf::ForOp loop,
                                        FailureRecord &record);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_PARALLELCHECKS_H
