//===- AttentionOps.cpp
//------------------------------------------------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/AttentionOps.cpp.inc"

LogicalResult SeparatorPositionsOp::verify() { return success(); }
LogicalResult MaterializeMaskOp::verify() { return success(); }
LogicalResult AttentionOp::verify() { return success(); }
void SeparatorPositionsOp::emitPreconditions(OpBuilder &builder) {}
void AttentionOp::emitPreconditions(OpBuilder &builder) {}
