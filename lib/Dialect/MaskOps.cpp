//===- MaskOps.cpp - Keep predicates, supports, combinations --------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

#define GET_OP_CLASSES
#include "effattn/Dialect/MaskOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Mask regions
//===----------------------------------------------------------------------===//

LogicalResult effattn::detail::verifyMaskOp(Operation *op) {
  // Anywhere else CSE could move it away from the op that reads its tensors.
  if (isa_and_nonnull<MaskUserOpInterface>(op->getParentOp()))
    return success();
  return op->emitOpError("expected to be inside the mask region of an op that "
                         "uses a mask, such as effattn.attention");
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
  // A block argument or another region's mask could not be evaluated here.
  if (!yield.getValue().getDefiningOp<MaskOpInterface>() ||
      yield.getValue().getParentBlock() != &block)
    return yield.emitOpError(
        "expected a mask made by a mask op of this region");
  return success();
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

static MaskSupport bandOnly(KeyRange band) { return {band, band}; }

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

// C1: the query itself counts, so a window of 0 would be no window.
static LogicalResult verifyWindow(Operation *op, StringRef name, int64_t size) {
  if (size >= 1)
    return success();
  return op->emitOpError("expected ")
         << name << " to be at least 1 (the query counts), but got " << size;
}

LogicalResult WindowMaskOp::verify() {
  return verifyWindow(*this, "size", getSize());
}

/// k > q - size.
static Value inWindow(OpBuilder &builder, Location loc, int64_t size,
                      const MaskPoint &point) {
  Value distance =
      emit::sub(builder, loc, point.queryPosition, point.keyPosition);
  return emit::lessThan(builder, loc, distance,
                        emit::index(builder, loc, size));
}

static Value windowStart(OpBuilder &builder, Location loc, int64_t size,
                         Value query) {
  return emit::sub(builder, loc, query, emit::index(builder, loc, size - 1));
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

//===----------------------------------------------------------------------===//
// initial_mask, length_mask
//===----------------------------------------------------------------------===//

static LogicalResult verifyCount(Operation *op, StringRef name, int64_t count) {
  if (count >= 0)
    return success();
  return op->emitOpError("expected ")
         << name << " to be at least 0, but got " << count;
}

LogicalResult InitialMaskOp::verify() {
  return verifyCount(*this, "count", getCount());
}

/// start <= k < start + count.
static Value isInitial(OpBuilder &builder, Location loc, Value start,
                       int64_t count, Value key) {
  Value end = emit::add(builder, loc, start, emit::index(builder, loc, count));
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
  Value count = emit::index(builder, loc, getCount());
  return {std::nullopt, {start, emit::add(builder, loc, start, count)}};
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
  if (failed(verifyCount(*this, "initial", getInitial())))
    return failure();
  return verifyWindow(*this, "window", getWindow());
}

/// Initial or separator, and not padding.
Value SeparatorMaskOp::emitColumn(OpBuilder &builder, Location loc,
                                  const MaskPoint &point) {
  Value start = startOf(builder, loc, getStarts(), point.batch);
  Value initialEnd =
      emit::add(builder, loc, start, emit::index(builder, loc, getInitial()));
  Value initial = emit::lessThan(builder, loc, point.keyPosition, initialEnd);
  Value separator =
      emit::load(builder, loc, getIsSeparator(), {point.batch, point.keyIndex});
  return emit::logicalAnd(
      builder, loc, emit::lessEqual(builder, loc, start, point.keyPosition),
      emit::logicalOr(builder, loc, initial, separator));
}

bool SeparatorMaskOp::hasColumns() { return true; }

Value SeparatorMaskOp::emitKeep(OpBuilder &builder, Location loc,
                                const MaskPoint &point) {
  Value start = startOf(builder, loc, getStarts(), point.batch);
  Value valid = emit::logicalAnd(
      builder, loc, emit::lessEqual(builder, loc, start, point.keyPosition),
      emit::lessEqual(builder, loc, point.keyPosition, point.queryPosition));
  Value kept = emit::logicalOr(builder, loc, emitColumn(builder, loc, point),
                               inWindow(builder, loc, getWindow(), point));
  return emit::logicalAnd(builder, loc, valid, kept);
}

MaskSupport SeparatorMaskOp::emitSupport(OpBuilder &builder, Location loc,
                                         const QueryRange &queries) {
  Value start = startOf(builder, loc, getStarts(), queries.batch);
  Value end =
      emit::add(builder, loc, queries.last, emit::index(builder, loc, 1));
  Value window = windowStart(builder, loc, getWindow(), queries.first);
  return {KeyRange{emit::max(builder, loc, window, start), end}, {start, end}};
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

Value MaskAndOp::emitKeep(OpBuilder &builder, Location loc,
                          const MaskPoint &point) {
  return combineKeeps(builder, loc, getParts(), point, true, emit::logicalAnd);
}

MaskSupport MaskAndOp::emitSupport(OpBuilder &builder, Location loc,
                                   const QueryRange &queries) {
  MaskSupport result = MaskSupport::everything(builder, loc);
  for (Value part : getParts()) {
    MaskSupport support = maskOf(part).emitSupport(builder, loc, queries);
    result.hull = intersect(builder, loc, result.hull, support.hull);
    if (result.band && support.band)
      result.band = intersect(builder, loc, *result.band, *support.band);
    else
      result.band.reset();
  }
  return result;
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
  Value zero = emit::index(builder, loc, 0);
  MaskSupport result{std::nullopt, {zero, zero}};
  for (auto [i, part] : llvm::enumerate(getParts())) {
    MaskSupport support = maskOf(part).emitSupport(builder, loc, queries);
    result.hull =
        i == 0 ? support.hull : span(builder, loc, result.hull, support.hull);
    if (result.band && support.band)
      result.band = span(builder, loc, *result.band, *support.band);
    else if (support.band)
      result.band = support.band;
  }
  return result;
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
