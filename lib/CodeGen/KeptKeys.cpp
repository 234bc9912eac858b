//===- KeptKeys.cpp - Which keys some queries of an attention look at -----===//
#include "KeptKeys.h"

using namespace mlir;
using namespace mlir::effattn;

/// Bands and columns are ranges of positions, which are indices by default
/// only.
bool KeptKeys::hasTables(AttentionOp op) {
  MaskOpInterface mask = op.getRootMask();
  return mask && mask.hasColumns() && !op.getKeyPositions();
}

QueryRows KeptKeys::rowsOf(Value batch, Value first, Value last) {
  Value queryEnd = op.emitQueryEnd(e.builder, batch);
  Value keyEnd = e.select(e.lessEqual(queryEnd, first), e.index(0),
                          op.emitKeyEnd(e.builder, batch));
  Value offset = op.emitOffset(e.builder, batch);
  return {batch, first, last, queryEnd, keyEnd, offset};
}

KeyRange KeptKeys::inside(const KeyRange &range, Value end) {
  Value low = clamp(range.low, e.index(0), end);
  return {low, clamp(range.high, low, end)};
}

KeySupport KeptKeys::support(const QueryRows &rows) {
  Value zero = e.index(0);
  if (!mask || op.getKeyPositions())
    return {{zero, rows.keyEnd}, {zero, zero}};
  Value lastValid = e.min(rows.last, e.sub(rows.queryEnd, e.index(1)));
  MaskSupport support =
      mask.emitSupport(e.builder, e.loc,
                       {rows.batch, e.add(rows.offset, rows.first),
                        e.add(rows.offset, lastValid)});
  return {inside(support.band.value_or(KeyRange{zero, zero}), rows.keyEnd),
          inside(support.hull, rows.keyEnd)};
}

std::pair<KeyRange, KeyRange>
KeptKeys::columnsBeside(const MaskTables &tables, const QueryRows &rows,
                        const KeySupport &support) {
  auto [band, hull] = support;
  auto columnsBefore = [&](Value key) {
    return emit::loadIndex(e.builder, e.loc, tables.before, {rows.batch, key});
  };
  Value gapLow = clamp(band.low, hull.low, hull.high);
  Value gapHigh = clamp(band.high, gapLow, hull.high);
  return {{columnsBefore(hull.low), columnsBefore(gapLow)},
          {columnsBefore(gapHigh), columnsBefore(hull.high)}};
}

Value KeptKeys::keepsAll(const QueryRows &rows, Value areColumns, Value lowest,
                         Value highest) {
  if (op.getKeyPositions())
    return emit::boolean(e.builder, e.loc, false);
  if (!mask)
    return emit::boolean(e.builder, e.loc, true);
  MaskCore core = mask.emitCore(e.builder, e.loc,
                                {rows.batch, e.add(rows.offset, rows.first),
                                 e.add(rows.offset, rows.last)});
  auto pick = [&](Value ofColumns, Value ofBand) {
    return areColumns ? e.select(areColumns, ofColumns, ofBand) : ofBand;
  };
  Value low = pick(core.columns.low, core.band.low);
  Value high = pick(core.columns.high, core.band.high);
  return emit::logicalAnd(e.builder, e.loc, e.lessEqual(low, lowest),
                          e.lessThan(highest, high));
}

Value KeptKeys::positionOf(Value batch, Value key) {
  if (Value positions = op.getKeyPositions())
    return emit::loadIndex(e.builder, e.loc, positions, {batch, key});
  return key;
}

Value KeptKeys::isKept(const MaskPoint &point) {
  Value kept = mask ? mask.emitKeep(e.builder, e.loc, point)
                    : emit::boolean(e.builder, e.loc, true);
  if (!op.getKeyPositions())
    return kept;
  Value isAbsent = e.equal(point.keyPosition, e.index(-1));
  return emit::logicalAnd(e.builder, e.loc, kept,
                          emit::logicalNot(e.builder, e.loc, isAbsent));
}
