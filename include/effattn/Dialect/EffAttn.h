//===- EffAttn.h - The dialect: types, interfaces, core ops ---------------===//
#ifndef EFFATTN_DIALECT_EFFATTN_H
#define EFFATTN_DIALECT_EFFATTN_H

#include "effattn/Dialect/Mask.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "effattn/Dialect/EffAttnDialect.h.inc"
#include "effattn/Dialect/EffAttnEnums.h.inc"

namespace mlir::effattn {
class ComputeOpInterface;
class MaskOpInterface;
class MaskUserOpInterface;

/// What the generated code of every op shares.
namespace detail {
LogicalResult verifyShapes(ComputeOpInterface op);
LogicalResult verifyMaskOp(Operation *op);
LogicalResult verifyMaskRegion(MaskUserOpInterface op);
MaskOpInterface rootMask(Region &region);
LogicalResult inferInitTypes(ValueRange operands, unsigned initCount,
                             SmallVectorImpl<Type> &inferred);
LogicalResult reifyInitShapes(Operation *op, OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes);
void getComputeEffects(ComputeOpInterface op,
                       SmallVectorImpl<MemoryEffects::EffectInstance> &effects);
} // namespace detail
} // namespace mlir::effattn

#define GET_TYPEDEF_CLASSES
#include "effattn/Dialect/EffAttnTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "effattn/Dialect/EffAttnAttributes.h.inc"

#include "effattn/Dialect/EffAttnInterfaces.h.inc"

#define GET_OP_CLASSES
#include "effattn/Dialect/CoreOps.h.inc"

#endif // EFFATTN_DIALECT_EFFATTN_H
