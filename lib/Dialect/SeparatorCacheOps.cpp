//===- SeparatorCacheOps.cpp - What separator caches must hold ------------===//
#include "CacheChecks.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Constraints that the ops share
//===----------------------------------------------------------------------===//

static LogicalResult verifyCounts(Operation *op,
                                  const SeparatorLayout &layout) {
  for (auto [name, count] : {std::pair("initial", layout.initial),
                             std::pair("separators", layout.separators),
                             std::pair("window", layout.window)})
    if (count < 0)
      return op->emitOpError("expected ")
             << name << " to be at least 0, but got " << count;
  return success();
}

/// After verifyCounts. Written so that no sum overflows.
static LogicalResult verifyBudget(Operation *op,
                                  const SeparatorLayout &layout) {
  if (layout.initial <= layout.capacity &&
      layout.separators <= layout.capacity - layout.initial &&
      layout.window <= layout.capacity - layout.initial - layout.separators)
    return success();
  return op->emitOpError("expected initial + separators + window to be at most "
                         "capacity, but got ")
         << layout.initial << " + " << layout.separators << " + "
         << layout.window << " and " << layout.capacity;
}

/// Dynamic sizes pass.
static LogicalResult verifyEntries(Operation *op, Value keys,
                                   int64_t capacity) {
  int64_t entries = cast<ShapedType>(keys.getType()).getDimSize(2);
  if (ShapedType::isDynamic(entries) || entries > capacity)
    return success();
  return op->emitOpError("expected keys cache size (dim 2) to be at least "
                         "capacity + 1, but got ")
         << entries << " with capacity " << capacity;
}

/// The same for a dynamic size.
static void checkEntries(OpBuilder &builder, Location loc, Value keys,
                         int64_t capacity) {
  if (!cast<ShapedType>(keys.getType()).isDynamicDim(2))
    return;
  Value entries = emit::size(builder, loc, keys, 2);
  Value limit = emit::index(builder, loc, capacity);
  CheckOp::create(builder, loc, emit::lessThan(builder, loc, limit, entries),
                  "expected keys cache size (dim 2) to be at least capacity + "
                  "1, but got {0} with capacity {1}",
                  ValueRange{entries, limit});
}

/// `separatorEnd` of a row is 0 or lies behind the initial entries, among the
/// places of separators.
static void checkSeparatorEnd(OpBuilder &builder, Location loc, Value row,
                              Value separatorEnd,
                              const SeparatorLayout &layout) {
  Value end = emit::loadIndex(builder, loc, separatorEnd, row);
  Value first = emit::index(builder, loc, layout.initial);
  Value last = emit::index(builder, loc, layout.initial + layout.separators);
  Value isInside =
      emit::logicalAnd(builder, loc, emit::lessEqual(builder, loc, first, end),
                       emit::lessEqual(builder, loc, end, last));
  Value isUnset = emit::equal(builder, loc, end, emit::index(builder, loc, 0));
  CheckOp::create(builder, loc,
                  emit::logicalOr(builder, loc, isUnset, isInside),
                  "expected separator_end of row {0} to be 0 or between {1} "
                  "and {2}, but got {3}",
                  ValueRange{row, first, last, end});
}

static LogicalResult verifyLayout(Operation *op, Value keys,
                                  const SeparatorLayout &layout) {
  return success(succeeded(verifyCounts(op, layout)) &&
                 succeeded(verifyBudget(op, layout)) &&
                 succeeded(verifyEntries(op, keys, layout.capacity)));
}

/// Checks the size of the cache and every row's state; `more` adds to a row.
template <typename Op>
static void checkState(OpBuilder &builder, Op op,
                       function_ref<void(CacheChecks &, Value row)> more) {
  Location loc = op.getLoc();
  SeparatorLayout layout = SeparatorLayout::of(op);
  checkEntries(builder, loc, op.getKeys(), layout.capacity);
  CacheChecks checks(builder, loc, op.getKeys(), op.getLength());
  checks.forEachRow([&](Value row) {
    checks.checkLength(row);
    checkSeparatorEnd(builder, loc, row, op.getSeparatorEnd(), layout);
    more(checks, row);
  });
}

//===----------------------------------------------------------------------===//
// separator_cache_append
//===----------------------------------------------------------------------===//

LogicalResult SeparatorCacheAppendOp::verify() {
  // C1: parts have sizes. C2: a compaction keeps no more than the capacity.
  // C3: a full row can take one token more.
  return verifyLayout(*this, getKeys(), SeparatorLayout::of(*this));
}

void SeparatorCacheAppendOp::emitPreconditions(OpBuilder &builder) {
  // C4: the entries in use exist. C5: kept separators stand in their part.
  checkState(builder, *this, [&](CacheChecks &checks, Value row) {
    // C6: the new tokens fit.
    checks.checkRoom(row, checks.newTokens(row, getLengths(), getK()));
  });
}

//===----------------------------------------------------------------------===//
// separator_cache_compact
//===----------------------------------------------------------------------===//

LogicalResult SeparatorCacheCompactOp::verify() {
  // C1: parts have sizes. C2: a compaction keeps no more than the capacity.
  // C3: a full row can take one token more.
  return verifyLayout(*this, getKeys(), SeparatorLayout::of(*this));
}

void SeparatorCacheCompactOp::emitPreconditions(OpBuilder &builder) {
  // C4: the entries in use exist. C5: kept separators stand in their part.
  checkState(builder, *this, [](CacheChecks &, Value) {});
}

//===----------------------------------------------------------------------===//
// cache_attention
//===----------------------------------------------------------------------===//

/// Rotation by slots; where nothing rotates, no parameter of it matters.
template <typename Op> static LogicalResult verifyRotation(Op op) {
  if (op.getPositions() == CachePositions::Absolute)
    return success();
  if (failed(verifyPositive(op, "rope_base", op.getRopeBase())))
    return failure();
  return op.getRotatedColumns().verify(op);
}

/// The same for a dynamic head size.
template <typename Op> static void checkRotation(OpBuilder &builder, Op op) {
  if (op.getPositions() == CachePositions::Slot)
    op.getRotatedColumns().check(builder, op.getLoc());
}

LogicalResult CacheAttentionOp::verify() {
  // C1: every key head serves a whole number of query heads.
  if (failed(verifyHeadGroups(*this, "q", getQ(), getKeys())))
    return failure();
  // C2: the base of a series of angles. C3: columns rotate in pairs.
  return verifyRotation(*this);
}

void CacheAttentionOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  // C1 and C3 where a size is dynamic.
  checkHeadGroups(builder, loc, getQ(), getKeys());
  checkRotation(builder, *this);
  // C4: the entries in use exist.
  CacheChecks checks(builder, loc, getKeys(), getLength());
  checks.forEachRow([&](Value row) { checks.checkLength(row); });
}

//===----------------------------------------------------------------------===//
// separator_cache_update
//===----------------------------------------------------------------------===//

LogicalResult SeparatorCacheUpdateOp::verify() {
  // C1: parts have sizes. C2: a compaction keeps no more than the capacity.
  // C3: a full row can take one token more.
  if (failed(verifyLayout(*this, getKeys(), SeparatorLayout::of(*this))))
    return failure();
  // C7: there is something to write exactly where something attends.
  if (bool(getQ()) != bool(getOut()))
    return emitOpError("expected out exactly where q is given, but got ")
           << (getQ() ? "q" : "out") << " alone";
  if (!getQ())
    return success();
  // C8: every key head serves a whole number of query heads.
  if (failed(verifyHeadGroups(*this, "q", getQ(), getKeys())))
    return failure();
  // C9: the base of a series of angles. C10: columns rotate in pairs.
  return verifyRotation(*this);
}

void SeparatorCacheUpdateOp::emitPreconditions(OpBuilder &builder) {
  Location loc = getLoc();
  // C8 and C10 where a size is dynamic.
  if (getQ()) {
    checkHeadGroups(builder, loc, getQ(), getKeys());
    checkRotation(builder, *this);
  }
  // C4: the entries in use exist. C5: kept separators stand in their part.
  checkState(builder, *this, [&](CacheChecks &checks, Value row) {
    // C6: token by token only the first can lack room, because a compaction
    // leaves fewer than L entries; a whole row needs it for all.
    Value all = checks.newTokens(row, getLengths(), getK());
    Value room = emit::min(builder, loc, all, emit::index(builder, loc, 1));
    if (getPrefill() == Prefill::Whole) {
      Value isEmpty = emit::equal(builder, loc, checks.lengthOf(row),
                                  emit::index(builder, loc, 0));
      room = emit::select(builder, loc, isEmpty, all, room);
    }
    checks.checkRoom(row, room);
  });
}
