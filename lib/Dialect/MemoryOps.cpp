//===- MemoryOps.cpp ------------------------------------------------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/MemoryOps.cpp.inc"

LogicalResult ProductSoftmaxOp::verify() { return success(); }
LogicalResult TopKOp::verify() { return success(); }
LogicalResult ProductSoftmaxTopKOp::verify() { return success(); }
LogicalResult CyclicShiftOp::verify() { return success(); }
LogicalResult AddressDecodeOp::verify() { return success(); }
LogicalResult AddressMemoryOp::verify() { return success(); }
void ProductSoftmaxOp::emitPreconditions(OpBuilder &builder) {}
void TopKOp::emitPreconditions(OpBuilder &builder) {}
void ProductSoftmaxTopKOp::emitPreconditions(OpBuilder &builder) {}
void CyclicShiftOp::emitPreconditions(OpBuilder &builder) {}
void AddressDecodeOp::emitPreconditions(OpBuilder &builder) {}
void AddressMemoryOp::emitPreconditions(OpBuilder &builder) {}
