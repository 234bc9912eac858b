//===- AttentionOps.cpp - Verifiers, preconditions, scores and positions --===//
#include "effattn/Dialect/AttentionOps.h"
#include "IndexChecks.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/HeadChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/AttentionOps.cpp.inc"

//===----------------------------------------------------------------------===//
// separator_positions
//===----------------------------------------------------------------------===//

// C1: one source of separators.
LogicalResult SeparatorPositionsOp::verify() {
  bool hasList = getSeparators().has_value(), hasBitmap = bool(getBitmap());
  if (hasList != hasBitmap)
    return success();
  return emitOpError("expected either separators or bitmap, but got ")
         << (hasList ? "both" : "neither");
}

/// Every id has a flag in the bitmap.
void SeparatorPositionsOp::emitPreconditions(OpBuilder &builder) {
  if (!getBitmap())
    return;
  checkIds(builder, getLoc(), getIds(),
           emit::size(builder, getLoc(), getBitmap(), 0));
}

//===----------------------------------------------------------------------===//
// Positions of queries
//===----------------------------------------------------------------------===//

/// The offset as given: one for all rows, or that of `batch`.
static Value givenOffset(OpBuilder &builder, Location loc, Value offset,
                         Value batch) {
  return emit::loadIndex(builder, loc, offset, batch);
}

Value MaterializeMaskOp::emitOffset(OpBuilder &builder, Value batch) {
  Location loc = getLoc();
  if (Value offset = getOffset())
    return givenOffset(builder, loc, offset, batch);
  return emit::sub(builder, loc, emit::size(builder, loc, getKeep(), 3),
                   emit::size(builder, loc, getKeep(), 2));
}

Value AttentionOp::emitQueryEnd(OpBuilder &builder, Value batch) {
  if (Value lengths = getLengths())
    return emit::loadIndex(builder, getLoc(), lengths, batch);
  return emit::size(builder, getLoc(), getQuery(), 2);
}

Value AttentionOp::emitKeyEnd(OpBuilder &builder, Value batch) {
  if (Value lengths = getKeyLengths())
    return emit::loadIndex(builder, getLoc(), lengths, batch);
  return emit::size(builder, getLoc(), getKey(), 2);
}

/// The queries are the last positions of the valid keys. `lengths` alone says
/// nothing about the keys, so it does not move them.
Value AttentionOp::emitOffset(OpBuilder &builder, Value batch) {
  Location loc = getLoc();
  if (Value offset = getOffset())
    return givenOffset(builder, loc, offset, batch);
  Value queryEnd = getKeyLengths() ? emitQueryEnd(builder, batch)
                                   : emit::size(builder, loc, getQuery(), 2);
  return emit::sub(builder, loc, emitKeyEnd(builder, batch), queryEnd);
}

/// Bounds where keys stand at their indices. Without `offset` the queries end
/// with the keys, in a row shortened by lengths too: then T - 1 positions
/// before that are the least, unless lengths move them.
static PositionBounds boundPositions(Value offset, int64_t queries,
                                     int64_t keys, bool hasLengths) {
  // Room for sums of offsets and sizes.
  constexpr int64_t kLarge = int64_t(1) << 60;
  PositionBounds bounds;
  if (queries > kLarge || keys > kLarge)
    return bounds;
  bounds.lowestKey = 0;
  bool knowsQueries = !ShapedType::isDynamic(queries);
  bool knowsKeys = !ShapedType::isDynamic(keys);
  if (knowsKeys)
    bounds.highestKey = keys - 1;
  if (offset) {
    APInt constant;
    if (!matchPattern(offset, m_ConstantInt(&constant)))
      return bounds;
    int64_t first = constant.getSExtValue();
    if (first < -kLarge || first > kLarge)
      return bounds;
    bounds.lowestQuery = first;
    if (knowsQueries)
      bounds.highestQuery = first + queries - 1;
    return bounds;
  }
  bounds.highestQuery = bounds.highestKey;
  if (knowsQueries && knowsKeys && !hasLengths)
    bounds.lowestQuery = keys - queries;
  bounds.queriesAreLast = knowsQueries && queries <= 1;
  return bounds;
}

PositionBounds MaterializeMaskOp::getPositionBounds() {
  auto type = cast<ShapedType>(getKeep().getType());
  return boundPositions(getOffset(), type.getDimSize(2), type.getDimSize(3),
                        /*hasLengths=*/false);
}

PositionBounds AttentionOp::getPositionBounds() {
  if (getKeyPositions())
    return {};
  return boundPositions(getOffset(),
                        cast<ShapedType>(getQuery().getType()).getDimSize(2),
                        cast<ShapedType>(getKey().getType()).getDimSize(2),
                        /*hasLengths=*/bool(getKeyLengths()));
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

static LogicalResult verifyScoreRegion(AttentionOp op) {
  Region &region = op.getScore();
  if (region.empty())
    return success();
  Block &block = region.front();
  Builder builder(op.getContext());
  SmallVector<Type> wanted(5, builder.getIndexType());
  wanted[0] = builder.getF32Type();
  if (!llvm::equal(block.getArgumentTypes(), wanted))
    return op.emitOpError("expected the score region to take (f32, index, "
                          "index, index, index): score, batch row, head, query "
                          "position, key position; but got (")
           << block.getArgumentTypes() << ")";
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op.emitOpError(
        "expected the score region to end with effattn.yield");
  if (!yield.getValue().getType().isF32())
    return yield.emitOpError("expected a score of type f32, but got ")
           << yield.getValue().getType();
  return success();
}

LogicalResult AttentionOp::verify() {
  // C1: every key head serves a whole number of query heads.
  if (failed(verifyHeadGroups(*this, "query", getQuery(), getKey())))
    return failure();
  // C2: softcap divides scores in f32.
  if (std::optional<double> cap = getSoftcap()) {
    float inF32 = float(*cap);
    if (!(inF32 > 0.0f) || std::isinf(inF32))
      return emitOpError("expected softcap to be positive and finite in f32, "
                         "but got ")
             << getSoftcapAttr();
  }
  // C3: the score region maps a score to a score.
  return verifyScoreRegion(*this);
}

/// C1 where a head count is dynamic.
void AttentionOp::emitPreconditions(OpBuilder &builder) {
  checkHeadGroups(builder, getLoc(), getQuery(), getKey());
}

Value AttentionOp::emitScale(OpBuilder &builder) {
  return emitScoreScale(builder, getLoc(), getScaleAttr(), getQuery());
}

Value AttentionOp::emitScore(OpBuilder &builder, Value product,
                             const MaskPoint &point) {
  Value score =
      arith::MulFOp::create(builder, getLoc(), product, emitScale(builder));
  return emitFinalScore(builder, score, point);
}

Value AttentionOp::emitFinalScore(OpBuilder &builder, Value score,
                                  const MaskPoint &point) {
  Location loc = getLoc();
  if (FloatAttr attribute = getSoftcapAttr()) {
    Value cap = emit::f32(builder, loc, attribute.getValueAsDouble());
    Value bent = math::TanhOp::create(
        builder, loc, arith::DivFOp::create(builder, loc, score, cap));
    score = arith::MulFOp::create(builder, loc, cap, bent);
  }
  if (getScore().empty())
    return score;
  Block &block = getScore().front();
  IRMapping mapping;
  mapping.map(block.getArguments(),
              ValueRange{score, point.batch, point.head, point.queryPosition,
                         point.keyPosition});
  for (Operation &op : block.without_terminator())
    builder.clone(op, mapping);
  return mapping.lookupOrDefault(
      cast<YieldOp>(block.getTerminator()).getValue());
}

//===----------------------------------------------------------------------===//
// systematic_attention
//===----------------------------------------------------------------------===//

LogicalResult SystematicAttentionOp::verify() {
  // C1: every key head serves a whole number of query heads.
  if (failed(verifyHeadGroups(*this, "query", getQuery(), getKey())))
    return failure();
  // C2: a row for distance 0 and R rows on each side.
  for (auto [name, table] :
       {std::pair("relative_keys", getRelativeKeys()),
        std::pair("relative_values", getRelativeValues())}) {
    if (!table)
      continue;
    int64_t rows = cast<ShapedType>(table.getType()).getDimSize(0);
    if (ShapedType::isStatic(rows) && rows % 2 == 0)
      return emitOpError("expected ")
             << name << " distances (dim 0) to be odd, but got " << rows;
  }
  return success();
}

/// C1 and C2 where sizes are dynamic.
void SystematicAttentionOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  checkHeadGroups(builder, loc, getQuery(), getKey());
  for (auto [name, table] :
       {std::pair("relative_keys", getRelativeKeys()),
        std::pair("relative_values", getRelativeValues())}) {
    if (!table || !cast<ShapedType>(table.getType()).isDynamicDim(0))
      continue;
    Value rows = emit::size(builder, loc, table, 0);
    Value rest = arith::RemUIOp::create(builder, loc, rows,
                                        emit::index(builder, loc, 2));
    CheckOp::create(
        builder, loc,
        emit::equal(builder, loc, rest, emit::index(builder, loc, 1)),
        (Twine("expected ") + name +
         " distances (dim 0) to be odd, but got {0}")
            .str(),
        ValueRange{rows});
  }
}

PositionBounds SystematicAttentionOp::getPositionBounds() {
  return boundPositions(/*offset=*/Value(),
                        cast<ShapedType>(getQuery().getType()).getDimSize(2),
                        cast<ShapedType>(getKey().getType()).getDimSize(2),
                        /*hasLengths=*/false);
}

Value SystematicAttentionOp::emitOffset(OpBuilder &builder) {
  return emit::sub(builder, getLoc(),
                   emit::size(builder, getLoc(), getKey(), 2),
                   emit::size(builder, getLoc(), getQuery(), 2));
}

Value SystematicAttentionOp::emitScale(OpBuilder &builder) {
  return emitScoreScale(builder, getLoc(), getScaleAttr(), getQuery());
}

//===----------------------------------------------------------------------===//
// rotary_embedding
//===----------------------------------------------------------------------===//

static RotatedColumns rotatedColumnsOf(RotaryEmbeddingOp op) {
  return {"dims", op.getDims(), "x", op.getX()};
}

LogicalResult RotaryEmbeddingOp::verify() {
  // C1: columns rotate in pairs.
  if (failed(rotatedColumnsOf(*this).verify(*this)))
    return failure();
  // C2: the base of a series of angles.
  if (failed(verifyPositive(*this, "base", getBase())))
    return failure();
  // C3: scaling divides the positions.
  return verifyPositive(*this, "scaling", getScaling());
}

/// C1 where the head size is dynamic.
void RotaryEmbeddingOp::emitPreconditions(OpBuilder &builder) {
  rotatedColumnsOf(*this).check(builder, getLoc());
}

Value RotaryEmbeddingOp::emitDims(OpBuilder &builder) {
  return rotatedColumnsOf(*this).emit(builder, getLoc());
}
