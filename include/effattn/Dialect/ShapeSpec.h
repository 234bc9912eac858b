//===- ShapeSpec.h - Read the shape specification of an op ----------------===//
#ifndef EFFATTN_DIALECT_SHAPESPEC_H
#define EFFATTN_DIALECT_SHAPESPEC_H

#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// One operand group of a shape specification (EffAttn_ShapeInfo).
struct OperandSpec {
  StringRef name;
  StringRef element;
  /// Tokens after a leading `...`.
  SmallVector<StringRef> sizes;
  bool anyLeading = false;
  /// The op itself says how many dimensions `...` is here (`...*`).
  bool opVerifiesRank = false;
  /// False where the operand has no shape (scalars, masks).
  bool shaped = false;
};

SmallVector<OperandSpec> parseShapeSpec(StringRef text);

/// One dimension of an operand and the symbol that its size goes by.
struct SizeUse {
  Value operand;
  std::string operandName;
  unsigned dim;
  std::string symbol;
  /// The size may be 1 whatever the symbol's (`B|1`).
  bool orOne = false;
};

/// Every symbolic dimension of `op` in operand order, followed by those of the
/// mask ops in its region, which share its symbols.
SmallVector<SizeUse> collectSizeUses(ComputeOpInterface op);

/// The same for a linalg op, whose symbols are its loops ("d0"), and for an op
/// of the dialect; none for others.
SmallVector<SizeUse> collectSizeUses(Operation *op);

/// What a symbol counts, for messages: "query head size" for (query, D).
std::string describeSize(const SizeUse &use);

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_SHAPESPEC_H
