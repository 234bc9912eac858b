//===- MaskCombinations.cpp - mask_and, mask_or, mask_not -----------------===//
#include "MaskRanges.h"
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/MaskOps.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::effattn;

using Combine = Value (*)(OpBuilder &, Location, Value, Value);

static MaskOpInterface maskOf(Value value) {
  return value.getDefiningOp<MaskOpInterface>();
}

/// `neutral` where there are no parts: a mask_and of nothing keeps all.
static Value combineKeeps(OpBuilder &builder, Location loc, ValueRange parts,
                          const MaskPoint &point, bool neutral,
                          Combine combine) {
  Value result;
  for (Value part : parts) {
    Value keep = maskOf(part).emitKeep(builder, loc, point);
    result = result ? combine(builder, loc, result, keep) : keep;
  }
  return result ? result : emit::boolean(builder, loc, neutral);
}

static bool anyHasColumns(ValueRange parts) {
  return llvm::any_of(parts,
                      [](Value part) { return maskOf(part).hasColumns(); });
}

/// Any part's column. For mask_and this is a superset, which is all it has to
/// be: (A or a) and (B or b) is inside A or B or (a and b).
static Value combineColumns(OpBuilder &builder, Location loc, ValueRange parts,
                            const MaskPoint &point) {
  Value result;
  for (Value part : parts) {
    MaskOpInterface mask = maskOf(part);
    if (!mask.hasColumns())
      continue;
    Value column = mask.emitColumn(builder, loc, point);
    result = result ? emit::logicalOr(builder, loc, result, column) : column;
  }
  return result;
}

/// What both masks can keep. Kept by A and B is in A's band or a column in A's
/// hull, and so for B; without a band on one side only columns remain.
static MaskSupport intersectSupports(OpBuilder &builder, Location loc,
                                     const MaskSupport &a,
                                     const MaskSupport &b) {
  MaskSupport result{std::nullopt, intersect(builder, loc, a.hull, b.hull)};
  if (a.band && b.band)
    result.band = intersect(builder, loc, *a.band, *b.band);
  return result;
}

/// What either mask can keep.
static MaskSupport joinSupports(OpBuilder &builder, Location loc,
                                const MaskSupport &a, const MaskSupport &b) {
  MaskSupport result{a.band ? a.band : b.band,
                     span(builder, loc, a.hull, b.hull)};
  if (a.band && b.band)
    result.band = span(builder, loc, *a.band, *b.band);
  return result;
}

/// What a mask without kept keys can keep; its span with another is the other.
static MaskSupport nothing(OpBuilder &builder, Location loc) {
  return {std::nullopt, emptyRange(builder, loc)};
}

/// The part of a range of keys that may be a column of any of `parts`, which
/// keeps it there whole.
static KeyRange columnsOfAny(OpBuilder &builder, Location loc, ValueRange parts,
                             const QueryRange &queries) {
  KeyRange columns = MaskSupport::everything(builder, loc).hull;
  for (Value part : parts)
    if (maskOf(part).hasColumns())
      columns = intersect(builder, loc, columns,
                          maskOf(part).emitCore(builder, loc, queries).columns);
  return columns;
}

/// The wider of two ranges.
static KeyRange wider(OpBuilder &builder, Location loc, const KeyRange &a,
                      const KeyRange &b) {
  Value widthOfA = emit::sub(builder, loc, a.high, a.low);
  Value widthOfB = emit::sub(builder, loc, b.high, b.low);
  Value takeA = emit::lessThan(builder, loc, widthOfB, widthOfA);
  return {emit::select(builder, loc, takeA, a.low, b.low),
          emit::select(builder, loc, takeA, a.high, b.high)};
}

Value MaskAndOp::emitKeep(OpBuilder &builder, Location loc,
                          const MaskPoint &point) {
  return combineKeeps(builder, loc, getParts(), point, true, emit::logicalAnd);
}

MaskSupport MaskAndOp::emitSupport(OpBuilder &builder, Location loc,
                                   const QueryRange &queries) {
  MaskSupport result = MaskSupport::everything(builder, loc);
  for (Value part : getParts())
    result = intersectSupports(builder, loc, result,
                               maskOf(part).emitSupport(builder, loc, queries));
  return result;
}

/// A column of one part is kept where the part keeps its columns and the others
/// keep every key. With columns in several parts it may be any part's.
MaskCore MaskAndOp::emitCore(OpBuilder &builder, Location loc,
                             const QueryRange &queries) {
  bool severalHaveColumns = llvm::count_if(getParts(), [](Value part) {
                              return maskOf(part).hasColumns();
                            }) > 1;
  MaskCore core{MaskSupport::everything(builder, loc).hull,
                columnsOfAny(builder, loc, getParts(), queries)};
  for (Value part : getParts()) {
    KeyRange band = maskOf(part).emitCore(builder, loc, queries).band;
    core.band = intersect(builder, loc, core.band, band);
    if (severalHaveColumns || !maskOf(part).hasColumns())
      core.columns = intersect(builder, loc, core.columns, band);
  }
  return core;
}

bool MaskAndOp::hasColumns() { return anyHasColumns(getParts()); }

Value MaskAndOp::emitColumn(OpBuilder &builder, Location loc,
                            const MaskPoint &point) {
  return combineColumns(builder, loc, getParts(), point);
}

Value MaskOrOp::emitKeep(OpBuilder &builder, Location loc,
                         const MaskPoint &point) {
  return combineKeeps(builder, loc, getParts(), point, false, emit::logicalOr);
}

MaskSupport MaskOrOp::emitSupport(OpBuilder &builder, Location loc,
                                  const QueryRange &queries) {
  MaskSupport result = nothing(builder, loc);
  for (Value part : getParts())
    result = joinSupports(builder, loc, result,
                          maskOf(part).emitSupport(builder, loc, queries));
  return result;
}

/// Of the bands one is taken: together they need not be a range.
MaskCore MaskOrOp::emitCore(OpBuilder &builder, Location loc,
                            const QueryRange &queries) {
  MaskCore core{emptyRange(builder, loc),
                columnsOfAny(builder, loc, getParts(), queries)};
  for (Value part : getParts())
    core.band =
        wider(builder, loc, maskOf(part).emitCore(builder, loc, queries).band,
              core.band);
  return core;
}

bool MaskOrOp::hasColumns() { return anyHasColumns(getParts()); }

Value MaskOrOp::emitColumn(OpBuilder &builder, Location loc,
                           const MaskPoint &point) {
  return combineColumns(builder, loc, getParts(), point);
}

Value MaskNotOp::emitKeep(OpBuilder &builder, Location loc,
                          const MaskPoint &point) {
  return emit::logicalNot(builder, loc,
                          maskOf(getPart()).emitKeep(builder, loc, point));
}

/// Support of what `mask` does not keep. Only half-lines have a complement that
/// is a range; De Morgan's laws carry it through combinations.
static MaskSupport complementSupport(OpBuilder &builder, Location loc,
                                     Value mask, const QueryRange &queries) {
  Operation *op = mask.getDefiningOp();
  Value one = emit::index(builder, loc, 1);
  if (isa<CausalMaskOp>(op))
    return bandOnly({emit::add(builder, loc, queries.first, one),
                     emit::index(builder, loc, kFar)});
  if (auto window = dyn_cast<WindowMaskOp>(op))
    return bandOnly(
        {emit::index(builder, loc, -kFar),
         windowStart(builder, loc, window.getSize(), queries.last)});
  if (auto conjunction = dyn_cast<MaskAndOp>(op)) {
    MaskSupport result = nothing(builder, loc);
    for (Value part : conjunction.getParts())
      result = joinSupports(builder, loc, result,
                            complementSupport(builder, loc, part, queries));
    return result;
  }
  MaskSupport result = MaskSupport::everything(builder, loc);
  if (auto disjunction = dyn_cast<MaskOrOp>(op))
    for (Value part : disjunction.getParts())
      result = intersectSupports(
          builder, loc, result, complementSupport(builder, loc, part, queries));
  return result;
}

MaskSupport MaskNotOp::emitSupport(OpBuilder &builder, Location loc,
                                   const QueryRange &queries) {
  return complementSupport(builder, loc, getPart(), queries);
}

OpFoldResult MaskNotOp::fold(FoldAdaptor) {
  if (auto inner = getPart().getDefiningOp<MaskNotOp>())
    return inner.getPart();
  return {};
}

/// Parts of nested masks of the same kind stand beside the others, and each
/// part stands once. A mask of one part is the part.
template <typename OpTy>
static LogicalResult flatten(OpTy op, PatternRewriter &rewriter) {
  llvm::SetVector<Value> parts;
  for (Value part : op.getParts()) {
    if (auto nested = part.getDefiningOp<OpTy>())
      parts.insert_range(nested.getParts());
    else
      parts.insert(part);
  }
  if (parts.size() == 1) {
    rewriter.replaceOp(op, parts.front());
    return success();
  }
  if (llvm::equal(parts, op.getParts()))
    return rewriter.notifyMatchFailure(op, "parts are distinct and not nested");
  rewriter.modifyOpInPlace(
      op, [&] { op.getPartsMutable().assign(parts.getArrayRef()); });
  return success();
}

LogicalResult MaskAndOp::canonicalize(MaskAndOp op, PatternRewriter &rewriter) {
  return flatten(op, rewriter);
}

LogicalResult MaskOrOp::canonicalize(MaskOrOp op, PatternRewriter &rewriter) {
  return flatten(op, rewriter);
}
