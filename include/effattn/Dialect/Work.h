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

/// What an op touches of an operand, at each call.
struct Traffic {
  Value operand;
  /// How many bytes.
  Value bytes;
  bool isRead, isWritten;
};

/// Work, with the bytes of each operand. An operand that is read twice is there
/// once.
struct Costs {
  Value flops;
  SmallVector<Traffic> traffic;
};

/// Whether the op computes tensors. A constant tensor is made where something
/// begins with it.
bool isComputation(Operation *op);

/// Emits what a computation on tensors or memrefs costs, from the sizes of its
/// operands; nothing where nobody has said. docs/tutorials/trace-a-run.md says
/// what counts.
std::optional<Costs> emitCosts(OpBuilder &builder, Operation *op);
/// The same, with all bytes added up.
Work emitWork(OpBuilder &builder, Operation *op);

/// How many bytes a tensor or memref has; null for elements that are not
/// numbers.
Value emitBytes(OpBuilder &builder, Location loc, Value shaped);

/// The name of the op, or of the one op in the body of a linalg.generic, which
/// itself only says on what it works.
StringRef nameComputation(Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_WORK_H
