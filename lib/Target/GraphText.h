//===- GraphText.h - What the nodes of a graph say ------------------------===//
#ifndef EFFATTN_LIB_TARGET_GRAPHTEXT_H
#define EFFATTN_LIB_TARGET_GRAPHTEXT_H

#include "mlir/IR/Operation.h"
#include <string>

namespace mlir::effattn {

/// "f32[1, T, 8]", with the symbols that `effattn.shape` of arguments gives.
std::string describeType(Value value);
/// The same from a type and the text of `effattn.shape`, which may be empty.
std::string describeType(Type type, StringRef shape);

/// The name of the op, its attributes, its mask, and what fusion made it of.
std::vector<std::string> describeOp(Operation *op);

/// What an op of the dialect calls an operand or a result; empty for others.
std::string nameOperand(OpOperand &operand);
std::string nameResult(OpResult result);

/// The color of the family that the op belongs to.
StringRef getColor(Operation *op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TARGET_GRAPHTEXT_H
