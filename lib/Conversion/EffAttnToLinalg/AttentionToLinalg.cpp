//===- AttentionToLinalg.cpp - Attention over the keys a mask leaves ------===//
#include "AttentionLowering.h"
#include "LinalgEmitter.h"
#include "MaskColumns.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/AttentionOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Candidate keys per step of the running softmax. It bounds the buffers of a
/// query row, and sums within a step keep long rows accurate.
static constexpr int64_t kStep = 256;
/// Query rows of an iteration, which share its buffers.
static constexpr int64_t kTile = 32;

namespace {
/// Candidates [0, count) for the keys of one query row. `rowOf` gives the row
/// of `keys` and `values` that a candidate stands in, `keyOf` the key index
/// that such a row holds.
struct Segment {
  Value keys;
  Value values;
  Value count;
  std::function<Value(Value)> rowOf;
  std::function<Value(Value)> keyOf;
};

/// Where a query row stands.
struct QueryRow {
  Value batch;
  Value head;
  /// The head's key head.
  Value group;
  Value index;
  Value position;
};

/// The running softmax of a query row: largest score, sum of exponentials
/// relative to it, weighted sum of values; and buffers of a step.
struct RunningSoftmax {
  Value largest;
  Value sum;
  Value weighted;
  Value stepWeighted;
  Value scores;
  Value rows;

  SmallVector<Value> values() const {
    return {largest, sum, weighted, stepWeighted, scores, rows};
  }
  static RunningSoftmax of(ValueRange values) {
    return {values[0], values[1], values[2], values[3], values[4], values[5]};
  }
};

/// Emits one attention op. A query row collects the scores of the keys that it
/// keeps, a step at a time, and works on those alone: what is not kept is
/// neither computed with nor multiplied by zero.
class AttentionLowering {
public:
  AttentionLowering(AttentionOp op, OpBuilder &builder)
      : op(op), builder(builder), loc(op.getLoc()), emitter(builder, loc),
        zero(emit::index(builder, loc, 0)), one(emit::index(builder, loc, 1)),
        mask(op.getRootMask()) {}

  SmallVector<Value> lower();

private:
  bool hasColumns() {
    // With positions of their own, keys stand in no order.
    return mask && !op.getKeyPositions() && mask.hasColumns();
  }
  Value minusInfinity() { return emit::negativeInfinity(builder, loc); }
  Value isMinusInfinity(Value value) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value,
                                 minusInfinity());
  }
  Value clamp(Value value, Value low, Value high) {
    return emit::min(builder, loc, emit::max(builder, loc, value, low), high);
  }

  SmallVector<std::pair<Value, LinalgEmitter::Slice>> lowerTile(ValueRange tile,
                                                                ValueRange out);
  SmallVector<Value> lowerRow(const QueryRow &row, Value rowInTile,
                              ValueRange carried);
  SmallVector<Segment> segmentsOf(const QueryRow &row);
  Segment bandSegment(const KeyRange &band);
  Segment columnSegment(Value batch, const KeyRange &band,
                        const KeyRange &hull);
  RunningSoftmax attend(const QueryRow &row, const Segment &segment,
                        RunningSoftmax state);
  Value collect(const QueryRow &row, const Segment &segment, Value first,
                RunningSoftmax &state);
  std::pair<Value, Value> weigh(const QueryRow &row, const Segment &segment,
                                const RunningSoftmax &state, Value kept,
                                Value base);
  void accumulate(const QueryRow &row, const Segment &segment, Value kept,
                  RunningSoftmax &state);
  Value weightOf(Value score, Value base);
  MaskPoint pointOf(const QueryRow &row, Value keyIndex);
  Value isKept(const MaskPoint &point);
  Value product(const QueryRow &row, Value keys, Value keyRow);

  AttentionOp op;
  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  Value zero;
  Value one;
  MaskOpInterface mask;
  MaskColumns columns;
};
} // namespace

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

MaskPoint AttentionLowering::pointOf(const QueryRow &row, Value keyIndex) {
  Value keyPosition = keyIndex;
  if (Value positions = op.getKeyPositions())
    keyPosition =
        emit::loadIndex(builder, loc, positions, {row.batch, keyIndex});
  return {row.batch, row.head, row.index, row.position, keyIndex, keyPosition};
}

/// Whether the query keeps a key that its segments left.
Value AttentionLowering::isKept(const MaskPoint &point) {
  Value kept = mask ? mask.emitKeep(builder, loc, point)
                    : emit::boolean(builder, loc, true);
  if (!op.getKeyPositions())
    return kept;
  Value isAbsent = emit::equal(builder, loc, point.keyPosition,
                               emit::index(builder, loc, -1));
  return emit::logicalAnd(builder, loc, kept,
                          emit::logicalNot(builder, loc, isAbsent));
}

/// Keys that stand side by side: every key inside `band`.
Segment AttentionLowering::bandSegment(const KeyRange &band) {
  Value low = band.low;
  return {
      op.getKey(), op.getValue(), emit::sub(builder, loc, band.high, band.low),
      [=](Value candidate) { return emit::add(builder, loc, low, candidate); },
      [](Value row) { return row; }};
}

/// The gathered columns inside `hull` but outside of `band`.
Segment AttentionLowering::columnSegment(Value batch, const KeyRange &band,
                                         const KeyRange &hull) {
  auto columnsBefore = [&](Value key) {
    return emit::load(builder, loc, columns.prefix, {batch, key});
  };
  Value gapLow = clamp(band.low, hull.low, hull.high);
  Value gapHigh = clamp(band.high, gapLow, hull.high);
  Value first = columnsBefore(hull.low);
  Value gapFirst = columnsBefore(gapLow), gapEnd = columnsBefore(gapHigh);
  Value gap = emit::sub(builder, loc, gapEnd, gapFirst);
  Value withGap = emit::sub(builder, loc, columnsBefore(hull.high), first);
  auto rowOf = [=](Value candidate) {
    Value column = emit::add(builder, loc, first, candidate);
    return emit::select(builder, loc,
                        emit::lessThan(builder, loc, column, gapFirst), column,
                        emit::add(builder, loc, column, gap));
  };
  auto keyOf = [=](Value row) {
    return emit::load(builder, loc, columns.indices, {batch, row});
  };
  return {columns.keys, columns.values, emit::sub(builder, loc, withGap, gap),
          rowOf, keyOf};
}

/// Segments without a common key that hold all keys the row can keep. A row of
/// the padding has no candidates, so that it ends as rows without keys do.
SmallVector<Segment> AttentionLowering::segmentsOf(const QueryRow &row) {
  Value end = emit::select(builder, loc,
                           emit::lessThan(builder, loc, row.index,
                                          op.emitQueryEnd(builder, row.batch)),
                           op.emitKeyEnd(builder, row.batch), zero);
  auto inside = [&](const KeyRange &range) {
    Value low = clamp(range.low, zero, end);
    return KeyRange{low, clamp(range.high, low, end)};
  };
  // Bands are ranges of positions, which are indices by default only.
  if (!mask || op.getKeyPositions())
    return {bandSegment({zero, end})};
  MaskSupport support =
      mask.emitSupport(builder, loc, {row.batch, row.position, row.position});
  KeyRange band = inside(support.band.value_or(KeyRange{zero, zero}));
  SmallVector<Segment> segments{bandSegment(band)};
  if (hasColumns())
    segments.push_back(columnSegment(row.batch, band, inside(support.hull)));
  return segments;
}

//===----------------------------------------------------------------------===//
// One query row
//===----------------------------------------------------------------------===//

/// <q, k> in f32.
Value AttentionLowering::product(const QueryRow &row, Value keys,
                                 Value keyRow) {
  auto contract = arith::FastMathFlags::contract;
  auto inAnyOrder = contract | arith::FastMathFlags::reassoc;
  Value width = emit::size(builder, loc, op.getQuery(), 3);
  Value start = emit::f32(builder, loc, 0.0);
  return emitter.loop(zero, width, start, [&](Value d, ValueRange carried) {
    Value q = emitter.extend(emit::load(builder, loc, op.getQuery(),
                                        {row.batch, row.head, row.index, d}));
    Value k = emitter.extend(
        emit::load(builder, loc, keys, {row.batch, row.group, keyRow, d}));
    Value term = arith::MulFOp::create(builder, loc, q, k, contract);
    return SmallVector<Value>{
        arith::AddFOp::create(builder, loc, carried[0], term, inAnyOrder)};
  })[0];
}

/// Writes scores and rows of the kept keys among the candidates of the step
/// that begins at `first`, and returns their number.
Value AttentionLowering::collect(const QueryRow &row, const Segment &segment,
                                 Value first, RunningSoftmax &state) {
  Value count = emit::min(builder, loc, emit::index(builder, loc, kStep),
                          emit::sub(builder, loc, segment.count, first));
  auto collectOne = [&](Value i, ValueRange carried) {
    Value keyRow = segment.rowOf(emit::add(builder, loc, first, i));
    MaskPoint point = pointOf(row, segment.keyOf(keyRow));
    return emitter.when(isKept(point), carried, [&] {
      Value score =
          op.emitScore(builder, product(row, segment.keys, keyRow), point);
      Value kept = carried[2];
      return SmallVector<Value>{emitter.insert(score, carried[0], kept),
                                emitter.insert(keyRow, carried[1], kept),
                                emit::add(builder, loc, kept, one)};
    });
  };
  SmallVector<Value> collected =
      emitter.loop(zero, count, {state.scores, state.rows, zero}, collectOne);
  state.scores = collected[0];
  state.rows = collected[1];
  return collected[2];
}

/// exp(score - base).
Value AttentionLowering::weightOf(Value score, Value base) {
  Value distance = arith::SubFOp::create(builder, loc, score, base);
  return math::ExpOp::create(builder, loc, distance);
}

/// The weights of the `kept` keys of a step, summed, and the values that they
/// weigh, summed into `weighted`.
std::pair<Value, Value> AttentionLowering::weigh(const QueryRow &row,
                                                 const Segment &segment,
                                                 const RunningSoftmax &state,
                                                 Value kept, Value base) {
  Value none = emit::f32(builder, loc, 0.0);
  auto addKey = [&](Value i, ValueRange carried) -> SmallVector<Value> {
    Value weight = weightOf(emit::load(builder, loc, state.scores, i), base);
    Value keyRow = emit::load(builder, loc, state.rows, i);
    auto addValue = [&](OpBuilder &nested, Location nestedLoc, ValueRange place,
                        Value previous) -> Value {
      auto contract = arith::FastMathFlags::contract;
      Value value = emit::load(nested, nestedLoc, segment.values,
                               {row.batch, row.group, keyRow, place[0]});
      value = emit::toFloat(nested, nestedLoc, value, nested.getF32Type());
      Value term =
          arith::MulFOp::create(nested, nestedLoc, weight, value, contract);
      return arith::AddFOp::create(nested, nestedLoc, previous, term, contract);
    };
    return {arith::AddFOp::create(builder, loc, carried[0], weight),
            emitter.update(carried[1], addValue)};
  };
  SmallVector<Value> sums = emitter.loop(
      zero, kept, {none, emitter.fill(none, state.stepWeighted)}, addKey);
  return {sums[0], sums[1]};
}

/// Adds the `kept` keys of a step to the running softmax.
void AttentionLowering::accumulate(const QueryRow &row, const Segment &segment,
                                   Value kept, RunningSoftmax &state) {
  auto larger = [&](Value i, ValueRange carried) -> SmallVector<Value> {
    return {arith::MaximumFOp::create(
        builder, loc, carried[0], emit::load(builder, loc, state.scores, i))};
  };
  Value largest = emitter.loop(zero, kept, state.largest, larger)[0];
  // Where all scores are -inf, -inf - -inf would be NaN in place of weight 0.
  Value base = emit::select(builder, loc, isMinusInfinity(largest),
                            emit::f32(builder, loc, 0.0), largest);
  Value rescale = weightOf(state.largest, base);
  Value stepSum, stepWeighted;
  std::tie(stepSum, stepWeighted) = weigh(row, segment, state, kept, base);
  auto merge = [&](OpBuilder &nested, Location nestedLoc, ValueRange place,
                   Value previous) -> Value {
    return arith::AddFOp::create(
        nested, nestedLoc,
        arith::MulFOp::create(nested, nestedLoc, previous, rescale),
        emit::load(nested, nestedLoc, stepWeighted, place));
  };
  state.weighted = emitter.update(state.weighted, merge);
  state.sum = arith::AddFOp::create(
      builder, loc, arith::MulFOp::create(builder, loc, state.sum, rescale),
      stepSum);
  state.stepWeighted = stepWeighted;
  state.largest = largest;
}

/// Runs the softmax over the keys of a segment.
RunningSoftmax AttentionLowering::attend(const QueryRow &row,
                                         const Segment &segment,
                                         RunningSoftmax state) {
  Value step = emit::index(builder, loc, kStep);
  Value steps = arith::CeilDivUIOp::create(builder, loc, segment.count, step);
  return RunningSoftmax::of(emitter.loop(
      zero, steps, state.values(), [&](Value number, ValueRange carried) {
        RunningSoftmax next = RunningSoftmax::of(carried);
        Value first = emit::mul(builder, loc, number, step);
        Value kept = collect(row, segment, first, next);
        accumulate(row, segment, kept, next);
        return next.values();
      }));
}

/// `carried`: the tile's out and lse, then the buffers of RunningSoftmax.
SmallVector<Value> AttentionLowering::lowerRow(const QueryRow &row,
                                               Value rowInTile,
                                               ValueRange carried) {
  unsigned results = op.getInitCount();
  ValueRange buffers = carried.drop_front(results);
  RunningSoftmax state{minusInfinity(),
                       emit::f32(builder, loc, 0.0),
                       emitter.fill(emit::f32(builder, loc, 0.0), buffers[0]),
                       buffers[1],
                       buffers[2],
                       buffers[3]};
  for (const Segment &segment : segmentsOf(row))
    state = attend(row, segment, state);

  Value isEmpty = isMinusInfinity(state.largest);
  SmallVector<Value> place{zero, zero, rowInTile};
  Value out = carried[0];
  Type element = cast<ShapedType>(out.getType()).getElementType();
  auto normalise = [&](OpBuilder &nested, Location nestedLoc,
                       ValueRange indices) -> Value {
    Value weighted = emit::load(nested, nestedLoc, state.weighted, indices);
    Value mean = arith::DivFOp::create(nested, nestedLoc, weighted, state.sum);
    Value orZero = emit::select(nested, nestedLoc, isEmpty,
                                emit::f32(nested, nestedLoc, 0.0), mean);
    return emit::toFloat(nested, nestedLoc, orZero, element);
  };
  Value outRow = emitter.generate(emitter.rowOf(out, place), normalise);
  SmallVector<Value> next{emitter.insertRow(outRow, out, place)};
  if (results == 2) {
    Value lse =
        arith::AddFOp::create(builder, loc, state.largest,
                              math::LogOp::create(builder, loc, state.sum));
    lse = emit::select(builder, loc, isEmpty, minusInfinity(), lse);
    next.push_back(emitter.insert(lse, carried[1], place));
  }
  next.append({state.weighted, state.stepWeighted, state.scores, state.rows});
  return next;
}

//===----------------------------------------------------------------------===//
// All query rows
//===----------------------------------------------------------------------===//

/// Query rows [kTile * tile, ...) of a batch row and head.
SmallVector<std::pair<Value, LinalgEmitter::Slice>>
AttentionLowering::lowerTile(ValueRange tile, ValueRange outputs) {
  Value batch = tile[0], head = tile[1];
  Value first =
      emit::mul(builder, loc, tile[2], emit::index(builder, loc, kTile));
  Value rows = emit::size(builder, loc, op.getQuery(), 2);
  Value height = emit::min(builder, loc, emit::index(builder, loc, kTile),
                           emit::sub(builder, loc, rows, first));
  // floor(h G / H).
  Value group = arith::DivUIOp::create(
      builder, loc,
      emit::mul(builder, loc, head, emit::size(builder, loc, op.getKey(), 1)),
      emit::size(builder, loc, op.getQuery(), 1));
  Value position =
      emit::add(builder, loc, op.emitOffset(builder, batch), first);

  OpFoldResult width = emitter.sizes(outputs[0]).back();
  Attribute unit = builder.getIndexAttr(1), start = builder.getIndexAttr(0);
  SmallVector<LinalgEmitter::Slice> slices{
      {{batch, head, first, start}, {unit, unit, height, width}}};
  if (outputs.size() == 2)
    slices.push_back({{batch, head, first}, {unit, unit, height}});
  SmallVector<Value> carried;
  for (auto [output, slice] : llvm::zip(outputs, slices)) {
    SmallVector<OpFoldResult> strides(slice.sizes.size(), unit);
    carried.push_back(tensor::ExtractSliceOp::create(
        builder, loc, output, slice.offsets, slice.sizes, strides));
  }
  Type f32 = builder.getF32Type(), index = builder.getIndexType();
  OpFoldResult step = builder.getIndexAttr(kStep);
  carried.append({emitter.empty(width, f32), emitter.empty(width, f32),
                  emitter.empty(step, f32), emitter.empty(step, index)});
  SmallVector<Value> done =
      emitter.loop(zero, height, carried, [&](Value i, ValueRange values) {
        QueryRow row{batch, head, group, emit::add(builder, loc, first, i),
                     emit::add(builder, loc, position, i)};
        return lowerRow(row, i, values);
      });
  SmallVector<std::pair<Value, LinalgEmitter::Slice>> result;
  for (auto [value, slice] : llvm::zip(done, slices))
    result.push_back({value, slice});
  return result;
}

SmallVector<Value> AttentionLowering::lower() {
  if (hasColumns())
    columns = gatherColumns(emitter, builder, op, mask);
  SmallVector<OpFoldResult> sizes = emitter.sizes(op.getQuery());
  Value rows = emit::size(builder, loc, op.getQuery(), 2);
  Value tiles = arith::CeilDivUIOp::create(builder, loc, rows,
                                           emit::index(builder, loc, kTile));
  SmallVector<Value> inits{op.getOut()};
  if (Value lse = op.getLse())
    inits.push_back(lse);
  return emitter.parallel({sizes[0], sizes[1], tiles}, inits,
                          [&](ValueRange tile, ValueRange outputs) {
                            return lowerTile(tile, outputs);
                          });
}

namespace {
struct LowerAttention : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics())
      return rewriter.notifyMatchFailure(op, "operands are not tensors");
    rewriter.replaceOp(op, AttentionLowering(op, rewriter).lower());
    return success();
  }
};
} // namespace

void effattn::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerAttention>(patterns.getContext());
  populateRotaryToLinalgPatterns(patterns);
}
