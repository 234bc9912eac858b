//===- AttentionKeys.cpp - The keys of a task, and their scores -----------===//
#include "AttentionExpansion.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

KeyRange AttentionExpansion::inside(const KeyRange &range, Value end) {
  Value low = clamp(range.low, emitter.index(0), end);
  return {low, clamp(range.high, low, end)};
}

/// What the queries at hand can keep, in [0, keyEnd).
AttentionExpansion::Support AttentionExpansion::emitSupport() {
  VectorEmitter &e = emitter;
  Value zero = e.index(0);
  // Bands are ranges of positions, which are indices by default only.
  if (!mask || op.getKeyPositions())
    return {{zero, queries.keyEnd}, {zero, zero}};
  Value lastValid = e.min(queries.lastRow, e.sub(queryEnd, e.index(1)));
  MaskSupport support = mask.emitSupport(
      e.builder, e.loc,
      {batch, e.add(offset, queries.firstRow), e.add(offset, lastValid)});
  return {inside(support.band.value_or(KeyRange{zero, zero}), queries.keyEnd),
          inside(support.hull, queries.keyEnd)};
}

/// Segments without a common key that hold all keys the queries can keep: the
/// band, and the columns before and behind it.
void AttentionExpansion::overSegments(
    function_ref<void(const Segment &)> body) {
  VectorEmitter &e = emitter;
  Value zero = e.index(0), no = emit::boolean(e.builder, e.loc, false);
  auto [band, hull] = emitSupport();
  if (!tables)
    return body({band.low, band.high, no});
  auto columnsBefore = [&](Value key) {
    return loadIndex(e, tables->before, {batch, key});
  };
  Value gapLow = clamp(band.low, hull.low, hull.high);
  Value gapHigh = clamp(band.high, gapLow, hull.high);
  // One loop over the three, so that the code of a tile is there once.
  Value lows[] = {columnsBefore(hull.low), band.low, columnsBefore(gapHigh)};
  Value highs[] = {columnsBefore(gapLow), band.high, columnsBefore(hull.high)};
  e.loop(zero, e.index(3), 1, [&](Value number) {
    Value isFirst = e.equal(number, zero);
    Value isBand = e.equal(number, e.index(1));
    auto pick = [&](Value *ends) {
      return e.select(isFirst, ends[0], e.select(isBand, ends[1], ends[2]));
    };
    Value low = pick(lows), high = pick(highs);
    body({low, high, emit::logicalNot(e.builder, e.loc, isBand)});
  });
}

/// Writes the key rows of the candidates from `first` on into the scratch, and
/// returns how many they are. Places behind them have the last one's row.
Value AttentionExpansion::listRows(const Segment &segment, Value first) {
  VectorEmitter &e = emitter;
  Value last = e.sub(segment.high, e.index(1));
  auto list = [&](bool areColumns) {
    e.loop(e.index(0), e.size(keyRows, 0), 1, [&](Value place) {
      Value row = e.min(e.add(first, place), last);
      if (areColumns)
        row = loadIndex(e, tables->columns, {batch, row});
      storeIndex(e, row, keyRows, place);
    });
  };
  if (!tables)
    list(false);
  else
    e.choose(segment.isColumns, [&] { list(true); }, [&] { list(false); });
  return e.min(e.index(e.cpu.keyTile()), e.sub(segment.high, first));
}

/// Of `count` keys from `first` on, whose rows are listed, those that the tile
/// at hand can keep.
void AttentionExpansion::clipKeys(Value first, Value count,
                                  function_ref<void(Value)> body) {
  VectorEmitter &e = emitter;
  // A task with gathered keys has but one tile.
  if (tables)
    return body(count);
  KeyRange band = emitSupport().band;
  Value low = clamp(e.sub(band.low, first), e.index(0), count);
  Value high = clamp(e.sub(band.high, first), e.index(0), count);
  // Keys are multiplied in groups, the last of which ends inside the list.
  tile->firstPlace = e.roundDown(low, QueriesAlongVectors::kRows);
  e.choose(e.lessThan(low, high), [&] { body(e.sub(high, tile->firstPlace)); });
}

/// Whether every query at hand keeps each of the next `count` keys. Their rows
/// are in ascending order.
Value AttentionExpansion::isWhole(const Segment &segment, Value count) {
  VectorEmitter &e = emitter;
  if (op.getKeyPositions())
    return emit::boolean(e.builder, e.loc, false);
  if (!mask)
    return emit::boolean(e.builder, e.loc, true);
  MaskCore core = mask.emitCore(
      e.builder, e.loc,
      {batch, e.add(offset, queries.firstRow), e.add(offset, queries.lastRow)});
  auto pick = [&](Value ofColumns, Value ofBand) {
    return tables ? e.select(segment.isColumns, ofColumns, ofBand) : ofBand;
  };
  Value low = pick(core.columns.low, core.band.low);
  Value high = pick(core.columns.high, core.band.high);
  Value lowest = tile->rowOf(e.index(0));
  Value highest = tile->rowOf(e.sub(count, e.index(1)));
  return emit::logicalAnd(e.builder, e.loc, e.lessEqual(low, lowest),
                          e.lessThan(highest, high));
}

void AttentionExpansion::addKeys(const Segment &segment, Value count) {
  Value whole = isWhole(segment, count);
  tile->addKeys(count, whole, [&] {
    if (op.getSoftcapAttr() && op.getScore().empty())
      bendScores();
    adjustScores(count, whole);
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// x = softcap tanh(x / softcap), also of scores that nobody looks at.
void AttentionExpansion::bendScores() {
  VectorEmitter &e = emitter;
  Value cap = e.splat(op.getSoftcapAttr().getValueAsDouble());
  e.loop(e.index(0), e.size(tile->scores, 0), 1, [&](Value row) {
    e.loop(e.index(0), e.size(tile->scores, 1), e.lanes(), [&](Value column) {
      Value score = e.load(tile->scores, {row, column});
      Value bent = e.mulFloats(cap, e.tanh(e.divFloats(score, cap)));
      e.store(bent, tile->scores, {row, column});
    });
  });
}

/// Sends scores through the score region, and those of keys that are not kept
/// to -inf.
void AttentionExpansion::adjustScores(Value count, Value whole) {
  VectorEmitter &e = emitter;
  bool hasRegion = !op.getScore().empty();
  Value positions = op.getKeyPositions();
  Value none = emit::negativeInfinity(e.builder, e.loc);
  Value one = emit::f32(e.builder, e.loc, 1);
  Value zero = emit::f32(e.builder, e.loc, 0);
  auto adjustOne = [&](Value place, Value keyRow, Value keyPosition,
                       Value lane) {
    Value row = loadIndex(e, queries.rowOf, lane);
    MaskPoint point{batch,  loadIndex(e, queries.headOf, lane),
                    row,    e.add(offset, row),
                    keyRow, keyPosition};
    Value kept = mask ? mask.emitKeep(e.builder, e.loc, point)
                      : emit::boolean(e.builder, e.loc, true);
    if (positions) {
      Value isAbsent = e.equal(keyPosition, e.index(-1));
      kept = emit::logicalAnd(e.builder, e.loc, kept,
                              emit::logicalNot(e.builder, e.loc, isAbsent));
    }
    Value score = e.loadScalar(tile->scores, tile->scoreAt(place, lane));
    if (hasRegion)
      score = op.emitFinalScore(e.builder, score, point);
    e.storeScalar(e.select(kept, score, none), tile->scores,
                  tile->scoreAt(place, lane));
    e.storeScalar(e.select(kept, one, zero), tile->kept,
                  tile->scoreAt(place, lane));
  };
  auto adjustAll = [&] {
    e.loop(e.index(0), count, 1, [&](Value place) {
      Value keyRow = tile->rowOf(place), position = keyRow;
      if (positions)
        position =
            emit::loadIndex(e.builder, e.loc, positions, {batch, keyRow});
      e.loop(e.index(0), queries.count, 1,
             [&](Value lane) { adjustOne(place, keyRow, position, lane); });
    });
  };
  if (hasRegion)
    adjustAll();
  else
    e.choose(emit::logicalNot(e.builder, e.loc, whole), adjustAll);
}
