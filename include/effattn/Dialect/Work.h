//===- Work.h - How much an op computes and moves -------------------------===//
#ifndef EFFATTN_DIALECT_WORK_H
#define EFFATTN_DIALECT_WORK_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace mlir::effattn {

/// What a call of an op takes, as values of type index; null where nobody has
/// said.
struct Work {
  /// Floating-point operations, or integer ones of a product of integers.
  Value flops;
  /// Read and written.
  Value bytes;
};

/// Emits the work of an op of the dialect or of linalg, on tensors or memrefs,
/// from the sizes of its operands. docs/tutorials/trace-a-run.md says what
/// counts.
Work emitWork(OpBuilder &builder, Operation *op);

/// The name of the op, or of the one op in the body of a linalg.generic, which
/// itself only says on what it works.
StringRef nameComputation(Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_WORK_H
