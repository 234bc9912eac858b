//===- AttentionLowering.cpp - Softmax over the keys that a mask leaves ---===//
#include "AttentionLowering.h"

using namespace mlir;
using namespace mlir::effattn;

/// Candidate keys per step of the running softmax. It bounds the buffers of a
/// query row, and sums within a step keep long rows accurate.
static constexpr int64_t kStep = 256;
/// Query rows of an iteration, which share its buffers.
static constexpr int64_t kTile = 32;

/// The running softmax of a query row: largest score, sum of exponentials
/// relative to it, and what they weigh, summed; and buffers of a step.
struct AttentionLowering::RunningSoftmax {
  Value largest;
  Value total;
  SmallVector<Value> sums;
  SmallVector<Value> stepSums;
  Value scores;
  Value rows;

  SmallVector<Value> values() const {
    SmallVector<Value> all{largest, total};
    llvm::append_range(all, sums);
    llvm::append_range(all, stepSums);
    all.append({scores, rows});
    return all;
  }
  static RunningSoftmax of(Value largest, Value total, ValueRange buffers) {
    unsigned count = (buffers.size() - 2) / 2;
    return {largest,
            total,
            buffers.take_front(count),
            buffers.slice(count, count),
            buffers.drop_back().back(),
            buffers.back()};
  }
  static RunningSoftmax of(ValueRange values) {
    return of(values[0], values[1], values.drop_front(2));
  }
};

Value AttentionLowering::emitQueryEnd(Value) {
  return emit::size(builder, loc, operands.query, 2);
}

Value AttentionLowering::emitKeyEnd(Value) {
  return emit::size(builder, loc, operands.key, 2);
}

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

MaskPoint AttentionLowering::pointOf(const QueryRow &row, Value keyIndex) {
  Value keyPosition = keyIndex;
  if (Value positions = operands.keyPositions)
    keyPosition =
        emit::loadIndex(builder, loc, positions, {row.batch, keyIndex});
  return {row.batch, row.head, row.index, row.position, keyIndex, keyPosition};
}

/// Whether the query keeps a key that its segments left.
Value AttentionLowering::isKept(const MaskPoint &point) {
  Value kept = operands.mask ? operands.mask.emitKeep(builder, loc, point)
                             : emit::boolean(builder, loc, true);
  if (!operands.keyPositions)
    return kept;
  Value isAbsent = emit::equal(builder, loc, point.keyPosition,
                               emit::index(builder, loc, -1));
  return emit::logicalAnd(builder, loc, kept,
                          emit::logicalNot(builder, loc, isAbsent));
}

/// Keys that stand side by side: every key inside `band`.
AttentionLowering::Segment
AttentionLowering::bandSegment(const KeyRange &band) {
  Value low = band.low;
  return {
      operands.key, operands.values,
      emit::sub(builder, loc, band.high, band.low),
      [=](Value candidate) { return emit::add(builder, loc, low, candidate); },
      [](Value row) { return row; }};
}

/// The gathered columns inside `hull` but outside of `band`.
AttentionLowering::Segment
AttentionLowering::columnSegment(Value batch, const KeyRange &band,
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
SmallVector<AttentionLowering::Segment>
AttentionLowering::segmentsOf(const QueryRow &row) {
  Value end = emit::select(
      builder, loc,
      emit::lessThan(builder, loc, row.index, emitQueryEnd(row.batch)),
      emitKeyEnd(row.batch), zero);
  auto inside = [&](const KeyRange &range) {
    Value low = clamp(range.low, zero, end);
    return KeyRange{low, clamp(range.high, low, end)};
  };
  // Bands are ranges of positions, which are indices by default only.
  if (!operands.mask || operands.keyPositions)
    return {bandSegment({zero, end})};
  MaskSupport support = operands.mask.emitSupport(
      builder, loc, {row.batch, row.position, row.position});
  KeyRange band = inside(support.band.value_or(KeyRange{zero, zero}));
  SmallVector<Segment> segments{bandSegment(band)};
  if (hasColumns())
    segments.push_back(columnSegment(row.batch, band, inside(support.hull)));
  return segments;
}

//===----------------------------------------------------------------------===//
// One query row
//===----------------------------------------------------------------------===//

Value AttentionLowering::product(const QueryRow &row,
                                 function_ref<Value(Value)> other) {
  auto contract = arith::FastMathFlags::contract;
  auto inAnyOrder = contract | arith::FastMathFlags::reassoc;
  Value width = emit::size(builder, loc, operands.query, 3);
  Value start = emit::f32(builder, loc, 0.0);
  return emitter.loop(zero, width, start, [&](Value d, ValueRange carried) {
    Value q = emitter.extend(emit::load(builder, loc, operands.query,
                                        {row.batch, row.head, row.index, d}));
    Value term = arith::MulFOp::create(builder, loc, q,
                                       emitter.extend(other(d)), contract);
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
      Value qk = product(row, [&](Value d) {
        return emit::load(builder, loc, segment.keys,
                          {row.batch, row.group, keyRow, d});
      });
      Value score = emitScore(row, point, qk);
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

/// The weights of the `kept` keys of a step, summed, then what they weigh.
SmallVector<Value> AttentionLowering::weigh(const QueryRow &row,
                                            const Segment &segment,
                                            const RunningSoftmax &state,
                                            Value kept, Value base) {
  Value none = emit::f32(builder, loc, 0.0);
  auto contract = arith::FastMathFlags::contract;
  auto addKey = [&](Value i, ValueRange carried) -> SmallVector<Value> {
    Value weight = weightOf(emit::load(builder, loc, state.scores, i), base);
    Value keyRow = emit::load(builder, loc, state.rows, i);
    auto addValue = [&](Value values, Value sum) {
      return emitter.update(
          sum,
          [&](OpBuilder &, Location, ValueRange place,
              Value previous) -> Value {
            Value value = emitter.extend(
                emit::load(builder, loc, values,
                           {row.batch, row.group, keyRow, place[0]}));
            Value term =
                arith::MulFOp::create(builder, loc, weight, value, contract);
            return arith::AddFOp::create(builder, loc, previous, term,
                                         contract);
          });
    };
    SmallVector<Value> next{
        arith::AddFOp::create(builder, loc, carried[0], weight)};
    ValueRange sums = carried.drop_front();
    for (auto [values, sum] : llvm::zip(segment.values, sums))
      next.push_back(addValue(values, sum));
    sums = sums.drop_front(segment.values.size());
    if (!sums.empty())
      llvm::append_range(
          next, addToExtraSums(row, segment.keyOf(keyRow), weight, sums));
    return next;
  };
  SmallVector<Value> start{none};
  for (Value sum : state.stepSums)
    start.push_back(emitter.fill(none, sum));
  return emitter.loop(zero, kept, start, addKey);
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
  SmallVector<Value> step = weigh(row, segment, state, kept, base);
  for (auto [number, sum] : llvm::enumerate(state.sums)) {
    Value added = state.stepSums[number] = step[number + 1];
    sum = emitter.map(
        added, sum, [&](OpBuilder &, Location, ValueRange elements) -> Value {
          Value rescaled =
              arith::MulFOp::create(builder, loc, elements[1], rescale);
          return arith::AddFOp::create(builder, loc, rescaled, elements[0]);
        });
  }
  state.total = arith::AddFOp::create(
      builder, loc, arith::MulFOp::create(builder, loc, state.total, rescale),
      step[0]);
  state.largest = largest;
}

/// Runs the softmax over the keys of a segment.
AttentionLowering::RunningSoftmax
AttentionLowering::attend(const QueryRow &row, const Segment &segment,
                          const RunningSoftmax &state) {
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

/// `carried`: the tile's outs and lse, then the buffers of RunningSoftmax.
SmallVector<Value> AttentionLowering::lowerRow(const QueryRow &row,
                                               Value rowInTile,
                                               ValueRange carried) {
  unsigned outs = operands.outs.size(), results = outs + (operands.lse ? 1 : 0);
  Value none = emit::f32(builder, loc, 0.0);
  auto state =
      RunningSoftmax::of(minusInfinity(), none, carried.drop_front(results));
  for (Value &sum : state.sums)
    sum = emitter.fill(none, sum);
  beginRow(row);
  for (const Segment &segment : segmentsOf(row))
    state = attend(row, segment, state);
  endRow(state.sums);

  Value isEmpty = isMinusInfinity(state.largest);
  SmallVector<Value> place{zero, zero, rowInTile}, next;
  for (unsigned number = 0; number < outs; ++number) {
    Value out = carried[number];
    Type element = cast<ShapedType>(out.getType()).getElementType();
    auto normalise = [&](OpBuilder &, Location, ValueRange indices) -> Value {
      Value mean = arith::DivFOp::create(
          builder, loc, emitSum(number, state.sums, indices[0]), state.total);
      Value orZero = emit::select(builder, loc, isEmpty, none, mean);
      return emit::toFloat(builder, loc, orZero, element);
    };
    Value outRow = emitter.generate(emitter.rowOf(out, place), normalise);
    next.push_back(emitter.insertRow(outRow, out, place));
  }
  if (operands.lse) {
    Value lse =
        arith::AddFOp::create(builder, loc, state.largest,
                              math::LogOp::create(builder, loc, state.total));
    lse = emit::select(builder, loc, isEmpty, minusInfinity(), lse);
    next.push_back(emitter.insert(lse, carried[outs], place));
  }
  llvm::append_range(next, ArrayRef(state.values()).drop_front(2));
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
  Value rows = emit::size(builder, loc, operands.query, 2);
  Value height = emit::min(builder, loc, emit::index(builder, loc, kTile),
                           emit::sub(builder, loc, rows, first));
  // floor(h G / H).
  Value group = arith::DivUIOp::create(
      builder, loc,
      emit::mul(builder, loc, head, emit::size(builder, loc, operands.key, 1)),
      emit::size(builder, loc, operands.query, 1));
  Value position = emit::add(builder, loc, emitOffset(batch), first);

  Attribute unit = builder.getIndexAttr(1), start = builder.getIndexAttr(0);
  SmallVector<LinalgEmitter::Slice> slices;
  SmallVector<OpFoldResult> sums;
  for (Value output : outputs.take_front(operands.outs.size())) {
    sums.push_back(emitter.sizes(output).back());
    slices.push_back(
        {{batch, head, first, start}, {unit, unit, height, sums.back()}});
  }
  if (operands.lse)
    slices.push_back({{batch, head, first}, {unit, unit, height}});
  llvm::append_range(sums, extraSums());

  SmallVector<Value> carried;
  for (auto [output, slice] : llvm::zip(outputs, slices))
    carried.push_back(emitter.extract(output, slice));
  Type f32 = builder.getF32Type(), index = builder.getIndexType();
  // Of all keys, then of a step.
  for (int copy = 0; copy < 2; ++copy)
    for (OpFoldResult size : sums)
      carried.push_back(emitter.empty(size, f32));
  OpFoldResult step = builder.getIndexAttr(kStep);
  carried.append({emitter.empty(step, f32), emitter.empty(step, index)});
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

SmallVector<Value> AttentionLowering::run() {
  if (hasColumns())
    columns = gatherColumns(emitter, builder, loc, operands.mask, operands.key,
                            operands.values);
  SmallVector<OpFoldResult> sizes = emitter.sizes(operands.query);
  Value rows = emit::size(builder, loc, operands.query, 2);
  Value tiles = arith::CeilDivUIOp::create(builder, loc, rows,
                                           emit::index(builder, loc, kTile));
  SmallVector<Value> inits(operands.outs);
  if (operands.lse)
    inits.push_back(operands.lse);
  return emitter.parallel({sizes[0], sizes[1], tiles}, inits,
                          [&](ValueRange tile, ValueRange outputs) {
                            return lowerTile(tile, outputs);
                          });
}
