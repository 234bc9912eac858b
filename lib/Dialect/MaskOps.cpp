//===- MaskOps.cpp - Keep predicates, supports, combinations --------------===//
#include "effattn/Dialect/MaskOps.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/MaskOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Mask regions
//===----------------------------------------------------------------------===//

/// A block argument or another region's mask could not be evaluated in `block`.
static bool isMadeIn(Value mask, Block *block) {
  return mask.getDefiningOp<MaskOpInterface>() &&
         mask.getParentBlock() == block;
}

LogicalResult effattn::detail::verifyMaskOp(Operation *op) {
  // Anywhere else CSE could move it away from the op that reads its tensors.
  auto user = dyn_cast_or_null<MaskUserOpInterface>(op->getParentOp());
  if (!user || op->getParentRegion() != &user.getMaskRegion())
    return op->emitOpError("expected to be inside the mask region of an op "
                           "that uses a mask, such as effattn.attention");
  for (Value part : op->getOperands())
    if (isa<MaskType>(part.getType()) && !isMadeIn(part, op->getBlock()))
      return op->emitOpError(
          "expected parts made by mask ops of the same region");
  return success();
}

LogicalResult effattn::detail::verifyMaskRegion(MaskUserOpInterface op) {
  Region &region = op.getMaskRegion();
  if (region.empty())
    return success();
  Block &block = region.front();
  if (block.getNumArguments() != 0)
    return op->emitOpError(
               "expected the mask region to have no arguments, but got ")
           << block.getNumArguments();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError(
        "expected the mask region to end with effattn.yield");
  if (!isa<MaskType>(yield.getValue().getType()))
    return yield.emitOpError("expected a value of type !effattn.mask, but got ")
           << yield.getValue().getType();
  if (!isMadeIn(yield.getValue(), &block))
    return yield.emitOpError(
        "expected a mask made by a mask op of this region");
  // Masks are evaluated elsewhere, where nothing else of the region exists.
  for (Operation &nested : block.without_terminator())
    if (!isa<MaskOpInterface>(nested))
      return op->emitOpError("expected only mask ops in the mask region, but "
                             "got ")
             << nested.getName();
  return success();
}

MaskOpInterface effattn::detail::rootMask(Region &region) {
  if (region.empty())
    return {};
  auto yield = cast<YieldOp>(region.front().getTerminator());
  return yield.getValue().getDefiningOp<MaskOpInterface>();
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

/// Beyond every position, and still safe to add positions to.
static constexpr int64_t kFar = int64_t(1) << 60;

static KeyRange intersect(OpBuilder &builder, Location loc, const KeyRange &a,
                          const KeyRange &b) {
  return {emit::max(builder, loc, a.low, b.low),
          emit::min(builder, loc, a.high, b.high)};
}

/// The smallest range that holds both.
static KeyRange span(OpBuilder &builder, Location loc, const KeyRange &a,
                     const KeyRange &b) {
  return {emit::min(builder, loc, a.low, b.low),
          emit::max(builder, loc, a.high, b.high)};
}

MaskSupport MaskSupport::everything(OpBuilder &builder, Location loc) {
  KeyRange all{emit::index(builder, loc, -kFar),
               emit::index(builder, loc, kFar)};
  return {all, all};
}

/// A range without keys, whose span with another is the other.
static KeyRange emptyRange(OpBuilder &builder, Location loc) {
  return {emit::index(builder, loc, kFar), emit::index(builder, loc, -kFar)};
}

MaskCore MaskCore::nothing(OpBuilder &builder, Location loc) {
  KeyRange none = emptyRange(builder, loc);
  return {none, none};
}

/// Of a mask without columns.
static MaskCore bandOnly(OpBuilder &builder, Location loc, KeyRange band) {
  return {band, emptyRange(builder, loc)};
}

static MaskSupport bandOnly(KeyRange band) { return {band, band}; }

/// A count from an attribute; one beyond every position is as good as kFar and
/// does not overflow.
static Value distance(OpBuilder &builder, Location loc, int64_t count) {
  return emit::index(builder, loc, std::min(count, kFar));
}

/// First valid key of a row: `starts[batch]`, or 0.
static Value startOf(OpBuilder &builder, Location loc, Value starts,
                     Value batch) {
  if (!starts)
    return emit::index(builder, loc, 0);
  return emit::loadIndex(builder, loc, starts, batch);
}

//===----------------------------------------------------------------------===//
// causal_mask, window_mask
//===----------------------------------------------------------------------===//

Value CausalMaskOp::emitKeep(OpBuilder &builder, Location loc,
                             const MaskPoint &point) {
  return emit::lessEqual(builder, loc, point.keyPosition, point.queryPosition);
}

MaskSupport CausalMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                      const QueryRange &queries) {
  Value one = emit::index(builder, loc, 1);
  return bandOnly({emit::index(builder, loc, -kFar),
                   emit::add(builder, loc, queries.last, one)});
}

MaskCore CausalMaskOp::emitCore(OpBuilder &builder, Location loc,
                                const QueryRange &queries) {
  Value one = emit::index(builder, loc, 1);
  return bandOnly(builder, loc,
                  {emit::index(builder, loc, -kFar),
                   emit::add(builder, loc, queries.first, one)});
}

/// The query itself counts, so a window of 0 would be no window.
static LogicalResult verifyWindow(Operation *op, StringRef name, int64_t size) {
  if (size >= 1)
    return success();
  return op->emitOpError("expected ")
         << name << " to be at least 1 (the query counts), but got " << size;
}

// C1: the window holds the query.
LogicalResult WindowMaskOp::verify() {
  return verifyWindow(*this, "size", getSize());
}

/// k > q - size.
static Value inWindow(OpBuilder &builder, Location loc, int64_t size,
                      const MaskPoint &point) {
  Value behind =
      emit::sub(builder, loc, point.queryPosition, point.keyPosition);
  return emit::lessThan(builder, loc, behind, distance(builder, loc, size));
}

static Value windowStart(OpBuilder &builder, Location loc, int64_t size,
                         Value query) {
  return emit::sub(builder, loc, query, distance(builder, loc, size - 1));
}

Value WindowMaskOp::emitKeep(OpBuilder &builder, Location loc,
                             const MaskPoint &point) {
  return inWindow(builder, loc, getSize(), point);
}

MaskSupport WindowMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                      const QueryRange &queries) {
  return bandOnly({windowStart(builder, loc, getSize(), queries.first),
                   emit::index(builder, loc, kFar)});
}

MaskCore WindowMaskOp::emitCore(OpBuilder &builder, Location loc,
                                const QueryRange &queries) {
  return bandOnly(builder, loc,
                  {windowStart(builder, loc, getSize(), queries.last),
                   emit::index(builder, loc, kFar)});
}

//===----------------------------------------------------------------------===//
// initial_mask, length_mask
//===----------------------------------------------------------------------===//

static LogicalResult verifyCount(Operation *op, StringRef name, int64_t count) {
  if (count >= 0)
    return success();
  return op->emitOpError("expected ")
         << name << " to be at least 0, but got " << count;
}

// C1: count is not negative.
LogicalResult InitialMaskOp::verify() {
  return verifyCount(*this, "count", getCount());
}

/// start <= k < start + count.
static Value isInitial(OpBuilder &builder, Location loc, Value start,
                       int64_t count, Value key) {
  Value end = emit::add(builder, loc, start, distance(builder, loc, count));
  return emit::logicalAnd(builder, loc,
                          emit::lessEqual(builder, loc, start, key),
                          emit::lessThan(builder, loc, key, end));
}

Value InitialMaskOp::emitKeep(OpBuilder &builder, Location loc,
                              const MaskPoint &point) {
  Value start = startOf(builder, loc, getStarts(), point.batch);
  return isInitial(builder, loc, start, getCount(), point.keyPosition);
}

MaskSupport InitialMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                       const QueryRange &queries) {
  Value start = startOf(builder, loc, getStarts(), queries.batch);
  Value count = distance(builder, loc, getCount());
  return {std::nullopt, {start, emit::add(builder, loc, start, count)}};
}

MaskCore InitialMaskOp::emitCore(OpBuilder &builder, Location loc,
                                 const QueryRange &queries) {
  return {emitSupport(builder, loc, queries).hull,
          MaskSupport::everything(builder, loc).hull};
}

bool InitialMaskOp::hasColumns() { return true; }

Value InitialMaskOp::emitColumn(OpBuilder &builder, Location loc,
                                const MaskPoint &point) {
  return emitKeep(builder, loc, point);
}

Value LengthMaskOp::emitKeep(OpBuilder &builder, Location loc,
                             const MaskPoint &point) {
  Value start = startOf(builder, loc, getStarts(), point.batch);
  Value length = emit::loadIndex(builder, loc, getLengths(), point.batch);
  return emit::logicalAnd(
      builder, loc, emit::lessEqual(builder, loc, start, point.keyPosition),
      emit::lessThan(builder, loc, point.keyPosition, length));
}

MaskSupport LengthMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                      const QueryRange &queries) {
  return bandOnly({startOf(builder, loc, getStarts(), queries.batch),
                   emit::loadIndex(builder, loc, getLengths(), queries.batch)});
}

MaskCore LengthMaskOp::emitCore(OpBuilder &builder, Location loc,
                                const QueryRange &queries) {
  return bandOnly(builder, loc, emitSupport(builder, loc, queries).hull);
}

//===----------------------------------------------------------------------===//
// document_mask, dense_mask
//===----------------------------------------------------------------------===//

Value DocumentMaskOp::emitKeep(OpBuilder &builder, Location loc,
                               const MaskPoint &point) {
  Value query = emit::loadIndex(builder, loc, getQueryIds(),
                                {point.batch, point.queryIndex});
  Value key =
      emit::loadIndex(builder, loc, getKeyIds(), {point.batch, point.keyIndex});
  return emit::equal(builder, loc, query, key);
}

/// `index`, or 0 where the tensor has one entry for all of them.
static Value broadcastIndex(OpBuilder &builder, Location loc, Value source,
                            int64_t dim, Value index) {
  Value zero = emit::index(builder, loc, 0);
  int64_t size = cast<ShapedType>(source.getType()).getDimSize(dim);
  if (size == 1)
    return zero;
  if (!ShapedType::isDynamic(size))
    return index;
  Value isOne = emit::equal(builder, loc, emit::size(builder, loc, source, dim),
                            emit::index(builder, loc, 1));
  return emit::select(builder, loc, isOne, zero, index);
}

Value DenseMaskOp::emitKeep(OpBuilder &builder, Location loc,
                            const MaskPoint &point) {
  Value keep = getKeep();
  return emit::load(builder, loc, keep,
                    {broadcastIndex(builder, loc, keep, 0, point.batch),
                     broadcastIndex(builder, loc, keep, 1, point.head),
                     point.queryIndex, point.keyIndex});
}

//===----------------------------------------------------------------------===//
// separator_mask
//===----------------------------------------------------------------------===//

LogicalResult SeparatorMaskOp::verify() {
  // C1: initial is not negative.
  if (failed(verifyCount(*this, "initial", getInitial())))
    return failure();
  // C2: the window holds the query.
  return verifyWindow(*this, "window", getWindow());
}

/// Where `starts` is given: `keep`, and not padding.
static Value unlessPadding(OpBuilder &builder, Location loc, Value starts,
                           const MaskPoint &point, Value keep) {
  if (!starts)
    return keep;
  Value start = startOf(builder, loc, starts, point.batch);
  return emit::logicalAnd(
      builder, loc, emit::lessEqual(builder, loc, start, point.keyPosition),
      keep);
}

/// Initial or separator; padding may be among them.
static Value isInitialOrSeparator(OpBuilder &builder, Location loc,
                                  SeparatorMaskOp mask,
                                  const MaskPoint &point) {
  Value start = startOf(builder, loc, mask.getStarts(), point.batch);
  Value separator = emit::load(builder, loc, mask.getIsSeparator(),
                               {point.batch, point.keyIndex});
  return emit::logicalOr(
      builder, loc,
      isInitial(builder, loc, start, mask.getInitial(), point.keyPosition),
      separator);
}

bool SeparatorMaskOp::hasColumns() { return true; }

Value SeparatorMaskOp::emitColumn(OpBuilder &builder, Location loc,
                                  const MaskPoint &point) {
  return unlessPadding(builder, loc, getStarts(), point,
                       isInitialOrSeparator(builder, loc, *this, point));
}

Value SeparatorMaskOp::emitKeep(OpBuilder &builder, Location loc,
                                const MaskPoint &point) {
  Value causal =
      emit::lessEqual(builder, loc, point.keyPosition, point.queryPosition);
  Value kept = emit::logicalOr(builder, loc,
                               isInitialOrSeparator(builder, loc, *this, point),
                               inWindow(builder, loc, getWindow(), point));
  return unlessPadding(builder, loc, getStarts(), point,
                       emit::logicalAnd(builder, loc, causal, kept));
}

MaskSupport SeparatorMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                         const QueryRange &queries) {
  Value start = startOf(builder, loc, getStarts(), queries.batch);
  Value end =
      emit::add(builder, loc, queries.last, emit::index(builder, loc, 1));
  Value window = windowStart(builder, loc, getWindow(), queries.first);
  return {KeyRange{emit::max(builder, loc, window, start), end}, {start, end}};
}

MaskCore SeparatorMaskOp::emitCore(OpBuilder &builder, Location loc,
                                   const QueryRange &queries) {
  Value start = startOf(builder, loc, getStarts(), queries.batch);
  Value end =
      emit::add(builder, loc, queries.first, emit::index(builder, loc, 1));
  Value window = windowStart(builder, loc, getWindow(), queries.last);
  return {{emit::max(builder, loc, window, start), end}, {start, end}};
}

//===----------------------------------------------------------------------===//
// mask_and, mask_or, mask_not
//===----------------------------------------------------------------------===//

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
static MaskSupport intersect(OpBuilder &builder, Location loc,
                             const MaskSupport &a, const MaskSupport &b) {
  MaskSupport result{std::nullopt, intersect(builder, loc, a.hull, b.hull)};
  if (a.band && b.band)
    result.band = intersect(builder, loc, *a.band, *b.band);
  return result;
}

/// What either mask can keep.
static MaskSupport span(OpBuilder &builder, Location loc, const MaskSupport &a,
                        const MaskSupport &b) {
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
    result = intersect(builder, loc, result,
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
    result = span(builder, loc, result,
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
      result = span(builder, loc, result,
                    complementSupport(builder, loc, part, queries));
    return result;
  }
  MaskSupport result = MaskSupport::everything(builder, loc);
  if (auto disjunction = dyn_cast<MaskOrOp>(op))
    for (Value part : disjunction.getParts())
      result = intersect(builder, loc, result,
                         complementSupport(builder, loc, part, queries));
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
