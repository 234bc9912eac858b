//===- KernelLaunch.h - Loops of the host as kernels ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_KERNELLAUNCH_H
#define EFFATTN_LIB_CODEGEN_GPU_KERNELLAUNCH_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::effattn {

/// Makes a kernel of one thread in front of `ops`, which are consecutive but
/// for ops that do not touch memory, and moves them there. Returns the launch.
gpu::LaunchOp launchSequence(OpBuilder &builder, ArrayRef<Operation *> ops);

/// Makes a kernel of a parallel loop without reductions and erases the loop.
gpu::LaunchOp launchParallel(OpBuilder &builder, scf::ParallelOp loop);

/// Makes what a launch does depend on `condition`, which `emit` makes at the
/// start of each thread.
void guardLaunch(gpu::LaunchOp launch,
                 function_ref<Value(OpBuilder &)> emitCondition);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_KERNELLAUNCH_H
