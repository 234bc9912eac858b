//===- AttentionKeys.cpp - The keys of a task, and their scores -----------===//
#include "AttentionExpansion.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

/// Segments without a common key that hold all keys the queries can keep: the
/// band, and the columns before and behind it.
void AttentionExpansion::overSegments(
    function_ref<void(const Segment &)> body) {
  VectorEmitter &e = emitter;
  Value zero = e.index(0), no = emit::boolean(e.builder, e.loc, false);
  KeySupport support = keptKeys.support(queries.rows);
  KeyRange band = support.band;
  if (!tables)
    return body({band.low, band.high, no});
  auto [before, behind] =
      keptKeys.columnsBeside(*tables, queries.rows, support);
  // One loop over the three, so that the code of a tile is there once.
  Value lows[] = {before.low, band.low, behind.low};
  Value highs[] = {before.high, band.high, behind.high};
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

/// Names the key rows of the candidates from `first` on, in the scratch where
/// they may be gathered, and returns how many they are. Places behind them have
/// the last one's row.
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
  tile->firstRow = first;
  tile->lastRow = last;
  if (tables)
    e.choose(segment.isColumns, [&] { list(true); }, [&] { list(false); });
  return e.min(e.index(tile->keyTile()), e.sub(segment.high, first));
}

/// Of `count` keys from `first` on, whose rows are listed, those that the tile
/// at hand can keep.
void AttentionExpansion::clipKeys(Value first, Value count,
                                  function_ref<void(Value)> body) {
  VectorEmitter &e = emitter;
  // A task with gathered keys has but one tile.
  if (tables)
    return body(count);
  KeyRange band = keptKeys.support(queries.rows).band;
  Value low = clamp(e.sub(band.low, first), e.index(0), count);
  Value high = clamp(e.sub(band.high, first), e.index(0), count);
  // Keys are multiplied in groups, the last of which ends inside the list.
  tile->firstPlace = e.roundDown(low, e.cpu.keyRows());
  e.choose(e.lessThan(low, high), [&] { body(e.sub(high, tile->firstPlace)); });
}

/// Whether every query at hand keeps each of the next `count` keys. Their rows
/// are in ascending order.
Value AttentionExpansion::isWhole(const Segment &segment, Value count) {
  VectorEmitter &e = emitter;
  return keptKeys.keepsAll(queries.rows, tables ? segment.isColumns : Value(),
                           tile->rowOf(e.index(0)),
                           tile->rowOf(e.sub(count, e.index(1))));
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
  Value none = emit::negativeInfinity(e.builder, e.loc);
  Value one = emit::f32(e.builder, e.loc, 1);
  Value zero = emit::f32(e.builder, e.loc, 0);
  auto adjustOne = [&](Value place, Value keyRow, Value keyPosition,
                       Value lane) {
    Value row = loadIndex(e, queries.rowOf, lane);
    MaskPoint point{batch,  loadIndex(e, queries.headOf, lane),
                    row,    e.add(queries.rows.offset, row),
                    keyRow, keyPosition};
    Value kept = keptKeys.isKept(point);
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
      Value keyRow = tile->rowOf(place);
      Value position = keptKeys.positionOf(batch, keyRow);
      e.loop(e.index(0), queries.count, 1,
             [&](Value lane) { adjustOne(place, keyRow, position, lane); });
    });
  };
  if (hasRegion)
    adjustAll();
  else
    e.choose(emit::logicalNot(e.builder, e.loc, whole), adjustAll);
}
