//===- KernelReport.h - What can be said of a kernel without a GPU --------===//
#ifndef EFFATTN_TARGET_KERNELREPORT_H
#define EFFATTN_TARGET_KERNELREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace mlir::effattn {

/// Instructions by the unit of a GPU that executes them.
struct InstructionCounts {
  unsigned all = 0;
  /// Products of small matrices, and the multiply-adds of them all.
  unsigned tensor = 0;
  uint64_t tensorMulAdds[3] = {0, 0, 0}; // 16-bit floats, tf32, 8-bit integers
  unsigned matrixLoads = 0, asyncCopies = 0, globalLoads = 0, globalStores = 0,
           shared = 0, barriers = 0, floats = 0, doubles = 0, special = 0;
  /// Read from global memory by a thread.
  uint64_t globalBytes = 0;
};

/// What ptxas says of a kernel.
struct KernelResources {
  std::string name;
  unsigned registers = 0, spillBytes = 0, stackBytes = 0, sharedBytes = 0;
};

struct KernelReport {
  KernelResources resources;
  /// Whether there is machine code, so that `resources` is known.
  bool isAssembled = false;
  /// Threads of a block; 0 if only the launch knows.
  int64_t threads = 0;
  /// Shared memory that the launch asks for.
  int64_t dynamicBytes = 0;
  InstructionCounts whole;
  /// The innermost loop with the most matrix products or, without any, with the
  /// most instructions. Empty if there is no loop.
  InstructionCounts loop;
  /// Counted in machine code rather than in PTX.
  bool isMachineCode = false;
};

/// Threads and shared memory of every `gpu.launch_func` of a module, by the
/// kernel's name; 0 where only the running program knows.
struct LaunchShape {
  int64_t threads = 0, dynamicBytes = 0;
};
llvm::StringMap<LaunchShape> collectLaunchShapes(ModuleOp module);

/// Kernels as PTX has them, in order. `launches` is collectLaunchShapes().
std::vector<KernelReport>
describeKernels(llvm::StringRef ptx,
                const llvm::StringMap<LaunchShape> &launches);

/// Adds what ptxas says, and the counts of machine code if `disassembly`, what
/// nvdisasm prints, is not empty.
void describeMachineCode(std::vector<KernelReport> &kernels,
                         llvm::ArrayRef<KernelResources> resources,
                         llvm::StringRef disassembly);

/// Prints tables of resources, occupancy, the main loops, and what bounds them
/// on known GPUs.
void printKernels(llvm::raw_ostream &os, llvm::ArrayRef<KernelReport> kernels,
                  llvm::StringRef gpu);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_KERNELREPORT_H
