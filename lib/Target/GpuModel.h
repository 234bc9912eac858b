//===- GpuModel.h - What GPUs can do in a clock ---------------------------===//
#ifndef EFFATTN_LIB_TARGET_GPUMODEL_H
#define EFFATTN_LIB_TARGET_GPUMODEL_H

#include "effattn/Target/KernelReport.h"

namespace mlir::effattn {

/// What the blocks of a kernel share on a multiprocessor of a GPU.
struct Multiprocessor {
  unsigned threads, blocks, sharedBytes;
};

/// By LLVM's name; that of sm_80 for a GPU that is not known.
Multiprocessor getMultiprocessor(llvm::StringRef gpu);

/// How many blocks of a kernel a multiprocessor holds at once; 0 if a block
/// does not fit.
unsigned countBlocks(const Multiprocessor &machine, const KernelReport &kernel);

/// Numbers of a GPU for one of the four parts of a multiprocessor and a clock,
/// from NVIDIA's descriptions of the A100 and the H100.
struct GpuRates {
  const char *name;
  /// Multiply-adds of matrix products: 16-bit floats, tf32, 8-bit integers.
  double tensor[3];
  /// Threads of a warp that an instruction of floats, doubles or special
  /// functions serves.
  double floats, doubles, special;
  /// Bytes from the second-level cache.
  double cacheBytes;
};
llvm::ArrayRef<GpuRates> getKnownRates();

/// Clocks of one warp in these instructions, by what they wait for.
struct Clocks {
  double issue, tensor, arithmetic, special, cache;
  /// Which of them is the most.
  const char *bound() const;
};
Clocks predict(const GpuRates &gpu, const InstructionCounts &counts);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_GPUMODEL_H
