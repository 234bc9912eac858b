//===- MaskOps.cpp - Keep predicates and what follows from them -----------===//
#include "effattn/Dialect/MaskOps.h"
#include "MaskRanges.h"
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
  // Deallocation leaves constants that nobody uses.
  auto isLeftOver = [](Operation &nested) {
    return nested.hasTrait<OpTrait::ConstantLike>() && nested.use_empty();
  };
  for (Operation &nested : block.without_terminator())
    if (!isa<MaskOpInterface>(nested) && !isLeftOver(nested))
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
