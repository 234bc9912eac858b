//===- RecordFailures.h - Checks inside of kernels ------------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_RECORDFAILURES_H
#define EFFATTN_LIB_CODEGEN_GPU_RECORDFAILURES_H

#include "effattn/Dialect/EffAttn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::effattn {

/// The record of the first failure inside of the kernels of a function, in
/// memory of the device: its number, from 1, and the arguments of its sentence.
/// Between them stands the first iteration found to fail by threads that look
/// at all iterations of a loop at once.
class FailureRecord {
public:
  explicit FailureRecord(func::FuncOp function) : function(function) {}

  /// Whether a kernel of the function can fail.
  bool isNeeded() const { return record != nullptr; }
  /// Makes every check inside of `op` one that records its failure. Nothing
  /// behind a check runs once it has failed.
  void recordFailures(Operation *op);
  /// Makes every check inside of a launch one that notes `iteration`, an i64
  /// made where the iteration begins that the check is a part of.
  void noteFailures(gpu::LaunchOp launch, Value iteration);
  /// The first iteration noted, or one that is larger than any.
  Value emitFirstNoted(OpBuilder &builder);
  /// Whether nothing has failed yet, in a kernel.
  Value emitHolds(OpBuilder &builder);
  /// Returns from the function with the sentence of the failure if there is
  /// one. To be called once all failures are known and if isNeeded().
  void emitReport(OpBuilder &builder, Location loc);
  /// The same at the end of the function, where the record is freed.
  void finish();

private:
  Value getRecord();
  void emitRecord(OpBuilder &builder, CheckOp check);
  /// The private function that reads the record and fails.
  func::FuncOp getReporter();

  func::FuncOp function;
  func::FuncOp reporter;
  Value record;
  /// The checks by their numbers, without what they depend on.
  struct Failure {
    Location loc;
    StringAttr message;
    int64_t argumentCount;
  };
  SmallVector<Failure> failures;
};

/// Reads one element of memory of the device on the host, after all kernels
/// launched before.
Value emitReadBack(OpBuilder &builder, Location loc, Value source,
                   ValueRange indices = {});

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_RECORDFAILURES_H
