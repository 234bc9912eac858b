//===- Contraction.h - Linalg ops that are products of matrices -----------===//
#ifndef EFFATTN_LIB_CODEGEN_CONTRACTION_H
#define EFFATTN_LIB_CODEGEN_CONTRACTION_H

#include "LoopEmitter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::effattn {

/// A linalg op on memrefs that is a product of matrices for every index of a
/// batch. Every loop of the op has one of the roles.
struct Contraction {
  linalg::LinalgOp op;
  /// Of one k and one n, along which elements of the result lie side by side.
  linalg::ContractionDimensions loops;
  OpOperand *left, *right, *result;
  /// The index of every loop of the op, as far as it is known.
  SmallVector<Value> at;

  /// The op as one, if it multiplies floats outside of a parallel loop.
  static std::optional<Contraction> match(linalg::LinalgOp op);

  Value sizeOf(LoopEmitter &emitter, unsigned loop) const;
  Value countOf(LoopEmitter &emitter, ArrayRef<unsigned> loops) const;
  /// Sets the indices of the loops from their number in row-major order.
  void setLoops(LoopEmitter &emitter, ArrayRef<unsigned> loops, Value number);
  /// Where the loops stand in an operand.
  SmallVector<Value> placeIn(OpOperand &operand) const;
  /// Whether an operand's elements lie side by side along the loop.
  bool isStep(OpOperand &operand, ArrayRef<unsigned> loops) const;
  /// Whether the result starts from zeros that nothing else sees. What wrote
  /// them is erased, but for a product of depth 0, whose result they are.
  bool takeZeros(LoopEmitter &emitter);
};

/// The zeros that the op's result starts from, where nothing else sees them.
linalg::FillOp findZeros(linalg::LinalgOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CONTRACTION_H
