//===- ConceptOps.cpp - Verifiers and preconditions of the concept ops ----===//
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/ConceptOps.cpp.inc"

/// A real number as the user would write it: 0.6, not 6.000000e-01.
static std::string realText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

// C1: only a resumed row can have started before.
LogicalResult BoundaryProbabilityOp::verify() {
  if (getStarted() && !getResume())
    return emitOpError("expected 'resume' where started is given, because only "
                       "a row that goes on has started before");
  return success();
}

// C1: [epsilon, 1 - epsilon] is an interval inside [0, 1].
LogicalResult DechunkOp::verify() {
  double epsilon = getEpsilon();
  if (!(epsilon >= 0.0 && epsilon <= 0.5))
    return emitOpError("expected epsilon to be between 0 and 0.5, but got ")
           << realText(epsilon);
  return success();
}

// C1: R / (R - 1) is a finite factor.
LogicalResult RatioLossOp::verify() {
  double ratio = getRatio();
  if (!(ratio > 1.0) || std::isinf(ratio))
    return emitOpError("expected ratio to be above 1 and finite, but got ")
           << realText(ratio);
  return success();
}

/// Number of boundaries among the valid tokens of a row.
static Value countBoundaries(OpBuilder &builder, ChunkOp op, Value row) {
  Location loc = op.getLoc();
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value tokens = op.getLengths()
                     ? emit::loadIndex(builder, loc, op.getLengths(), row)
                     : emit::size(builder, loc, op.getMask(), 1);
  auto loop = scf::ForOp::create(
      builder, loc, zero, tokens, one, zero,
      [&](OpBuilder &nested, Location, Value token, ValueRange count) {
        Value isBoundary =
            emit::load(nested, loc, op.getMask(), ValueRange{row, token});
        Value step = emit::select(nested, loc, isBoundary, one, zero);
        scf::YieldOp::create(nested, loc,
                             emit::add(nested, loc, count[0], step));
      });
  return loop.getResult(0);
}

bool effattn::mayOverflow(ChunkOp op) {
  int64_t tokens = cast<ShapedType>(op.getMask().getType()).getDimSize(1);
  int64_t capacity = cast<ShapedType>(op.getConcepts().getType()).getDimSize(1);
  return op.getOverflow() == Overflow::Error &&
         (ShapedType::isDynamic(tokens) || ShapedType::isDynamic(capacity) ||
          tokens > capacity);
}

void effattn::checkCapacity(OpBuilder &builder, ChunkOp op, Value row,
                            Value count) {
  Location loc = op.getLoc();
  Value capacity = emit::size(builder, loc, op.getConcepts(), 1);
  CheckOp::create(
      builder, loc, emit::lessEqual(builder, loc, count, capacity),
      "expected at most {0} boundaries (capacity), but got {1} in row {2}",
      ValueRange{capacity, count, row});
}

void ChunkOp::emitPreconditions(OpBuilder &builder) {
  if (!mayOverflow(*this))
    return;
  Location loc = getLoc();
  Value rows = emit::size(builder, loc, getMask(), 0);
  auto loop = scf::ForOp::create(builder, loc, emit::index(builder, loc, 0),
                                 rows, emit::index(builder, loc, 1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value row = loop.getInductionVar();
  checkCapacity(builder, *this, row, countBoundaries(builder, *this, row));
}
