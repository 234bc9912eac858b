//===- ConceptOps.cpp
//------------------------------------------------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/ConceptOps.cpp.inc"

// C1: only a resumed row can have started before.
LogicalResult BoundaryProbabilityOp::verify() {
  if (getStarted() && !getResume())
    return emitOpError("expected 'resume' where started is given, because only "
                       "a row that goes on has started before");
  return success();
}

LogicalResult DechunkOp::verify() { return success(); }

LogicalResult RatioLossOp::verify() { return success(); }

void ChunkOp::emitPreconditions(OpBuilder &builder) {}
