//===- BlockScan.h - Running sums over the threads of a block -------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_BLOCKSCAN_H
#define EFFATTN_LIB_CODEGEN_GPU_BLOCKSCAN_H

#include "KernelEmitter.h"

namespace mlir::effattn {

/// Adds up numbers of the threads of a block, with a word of shared memory for
/// each warp.
class BlockScan {
public:
  explicit BlockScan(KernelEmitter &emitter);

  /// The sums of an i32 over the threads before this one, and over all. Every
  /// thread has to come here: it waits for the others.
  std::pair<Value, Value> sumBefore(Value number);

private:
  KernelEmitter &e;
  Value totals;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_BLOCKSCAN_H
