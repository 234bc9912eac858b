//===- KernelEmitter.h - Short forms for emitting kernels -----------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_KERNELEMITTER_H
#define EFFATTN_LIB_CODEGEN_GPU_KERNELEMITTER_H

#include "../LoopEmitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::effattn {

/// Threads that run in step and see each other's registers.
inline constexpr int64_t kWarpThreads = 32;

/// A builder inside of a kernel whose blocks of threads work together. Code is
/// that of one thread.
class KernelEmitter : public LoopEmitter {
public:
  /// Emits a launch of `blocks`, up to three numbers as index, of `threads`
  /// threads each, and what `body` emits inside of it. More than 65535 blocks
  /// are allowed in the first dimension only, and none at all in any. With
  /// `sharedBytes`, dynamicShared() has so many. `name` becomes a part of the
  /// kernel's.
  static gpu::LaunchOp launch(OpBuilder &builder, Location loc, StringRef name,
                              ArrayRef<Value> blocks, int64_t threads,
                              function_ref<void(KernelEmitter &)> body,
                              int64_t sharedBytes = 0);
  /// Emits a launch in which each warp takes a row, which has an index below
  /// each of `sizes`.
  static gpu::LaunchOp
  launchWarps(OpBuilder &builder, Location loc, StringRef name,
              ValueRange sizes,
              function_ref<void(KernelEmitter &, ArrayRef<Value> row)> body);
  /// Asks for so few registers that `blocks` blocks of the kernel have room on
  /// a multiprocessor.
  static void limitRegisters(gpu::LaunchOp launch, int64_t blocks);

  /// Makes the assembler give a thread at most so many registers.
  void limitThreadRegisters(int64_t count);

  //===--- Where a thread is ---===//
  int64_t threads() const { return threadCount; }
  int64_t warps() const { return threadCount / kWarpThreads; }
  /// In the block.
  Value thread();
  Value warp();
  /// In the warp.
  Value lane();
  /// In the grid.
  Value block(unsigned dimension = 0);

  /// Quotient and remainder of numbers that are not negative; anything where
  /// the divisor is 0.
  std::pair<Value, Value> divide(Value number, Value divisor);
  /// lhs < rhs of indices that 32 bits hold, such as places in a block.
  Value isBelow(Value lhs, Value rhs);

  //===--- Threads together ---===//
  /// Waits for all threads of the block, which then see what each has written.
  void barrier();
  /// A barrier that says whether the flag of any thread of the block is set.
  Value anyThread(Value flag);
  /// The same for the threads of a warp.
  void warpBarrier();
  /// i32: a bit for every lane in which `condition` holds.
  Value ballot(Value condition);
  /// Whether `condition` holds in a lane.
  Value anyLane(Value condition);
  /// Runs `body` for every lane in which `condition` holds, in their order. All
  /// lanes run it and get that lane.
  void forEachLane(Value condition, function_ref<void(Value)> body);
  /// The value, of 32 bits or f64, of the thread whose lane differs in the bits
  /// of `mask`. All threads of the warp have to come here, as in all of these.
  Value shuffleXor(Value value, int64_t mask);
  /// The value of a given lane.
  Value shuffleFrom(Value value, Value lane);
  /// What `combine` makes of the values of all lanes, in every lane.
  Value reduceWarp(Value value, function_ref<Value(Value, Value)> combine);
  Value sumWarp(Value value);
  /// What `terms` gives of each number in [first, end), added to `zeros`. The
  /// lanes share the numbers, and all get the sums.
  SmallVector<Value>
  sumOverLanes(Value first, Value end, ValueRange zeros,
               function_ref<SmallVector<Value>(Value number)> terms);
  /// The largest number, as maxNumber.
  Value maxWarp(Value value);

  //===--- Numbers ---===//
  /// The larger one; the other where one is NaN. One instruction.
  Value maxNumber(Value lhs, Value rhs);
  Value minNumber(Value lhs, Value rhs);
  /// 2^x in f32, up to two units in the last place. One instruction, to which
  /// what is nearer to 0 than normal numbers is 0.
  Value exp2(Value value);

  //===--- Memory ---===//
  /// Memory that the threads of a block share, of a size known now; at most 48
  /// KiB in all.
  Value shared(ArrayRef<int64_t> shape, Type element);
  /// A part of the memory given by `sharedBytes`, from a byte on.
  Value dynamicShared(int64_t firstByte, ArrayRef<int64_t> shape, Type element);
  /// One element as f32, and back in the type of the memory.
  Value loadFloat(Value source, ValueRange indices);
  void storeFloat(Value value, Value destination, ValueRange indices);
  /// So many neighbouring numbers of a row of f32, which begin at a multiple of
  /// their size.
  SmallVector<Value> loadFloats(Value source, ValueRange indices,
                                int64_t count);
  /// A warp copies a row, the last dimension behind `from`, to the one behind
  /// `to`, in the type of the destination; or fills it with zeros.
  void copyRow(Value source, ArrayRef<Value> from, Value destination,
               ArrayRef<Value> to);
  void clearRow(Value destination, ArrayRef<Value> to);

private:
  KernelEmitter(OpBuilder &builder, gpu::LaunchOp launch, int64_t threadCount)
      : LoopEmitter(builder, launch.getLoc()), launchOp(launch),
        threadCount(threadCount) {}

  gpu::LaunchOp launchOp;
  int64_t threadCount;
};

/// Indices, and more of them behind.
SmallVector<Value> joinIndices(ArrayRef<Value> leading, ValueRange last);
/// The first `dims` sizes of a buffer.
SmallVector<Value> getSizes(OpBuilder &builder, Location loc, Value source,
                            int64_t dims);
/// A parallel loop of the host over all places of an array of these sizes,
/// which becomes a kernel: a thread a place.
void emitParallel(OpBuilder &builder, Location loc, ValueRange sizes,
                  function_ref<void(OpBuilder &, ValueRange place)> body);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_KERNELEMITTER_H
