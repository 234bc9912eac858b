//===- AttentionPlainly.cpp - One query, one key after the other ----------===//
//
// For blocks in which weights of 0, of keys that a query does not keep, may
// have met NaN or infinities in values.
//
//===----------------------------------------------------------------------===//
#include "AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::effattn;

/// Whether a weight of 0 may have met a NaN or an infinity in values.
Value AttentionKernel::isTainted(const State &state) {
  Value sum = state.sums.front();
  for (Value number : ArrayRef(state.sums).drop_front())
    sum = e.addFloats(sum, number);
  return e.anyThread(emit::isNaN(e.builder, e.loc, sum));
}

/// The product of a query and a key, whose columns the lanes share.
Value AttentionKernel::multiplyPlainly(ValueRange query, ValueRange key) {
  auto load = [&](Value source, ValueRange leading, Value column) {
    SmallVector<Value> at(leading);
    at.push_back(column);
    return e.loadFloat(source, at);
  };
  Value start = emit::f32(e.builder, e.loc, 0);
  return e.sumWarp(e.loop(e.lane(), e.size(op.getQuery(), 3), kWarpThreads,
                          start, [&](Value d, ValueRange sum) {
                            return SmallVector<Value>{
                                e.mulAdd(load(op.getQuery(), query, d),
                                         load(op.getKey(), key, d), sum[0])};
                          })[0]);
}

/// Adds a key that the query keeps to its running softmax.
SmallVector<Value> AttentionKernel::addPlainly(const MaskPoint &point,
                                               const Row &row) {
  Value score = multiplyPlainly({point.batch, point.head, point.queryIndex},
                                {point.batch, queries.group, point.keyIndex});
  Value tableRow;
  if (call.relative)
    tableRow = tableRowOf(point.queryIndex, point.keyIndex);
  if (call.relative && call.relative->keyProducts)
    score = e.addFloats(score,
                        keyProduct({point.head, point.queryIndex}, tableRow));
  if (!areScaledLate)
    score = op.emitFinalScore(e.builder, e.mulFloats(score, scale), point);
  Value largest = e.maxNumber(row.largest, score);
  Value shift = shiftOf(largest);
  Value decay = weightOf(row.largest, shift), weight = weightOf(score, shift);
  SmallVector<Value> next{largest, e.mulAdd(row.total, decay, weight)};
  Value end = e.size(op.getValue(), 3);
  for (auto [column, sum] : llvm::zip(row.columns, row.sums)) {
    Value before = e.mulFloats(sum, decay);
    next.push_back(e.choose(
        e.lessThan(column, end), before.getType(),
        [&, column = column]() -> SmallVector<Value> {
          Value value = e.loadFloat(op.getValue(), {point.batch, queries.group,
                                                    point.keyIndex, column});
          return {e.mulAdd(weight, value, before)};
        },
        [&] { return SmallVector<Value>{before}; })[0]);
  }
  SmallVector<Value> far;
  for (Value sum : row.far)
    far.push_back(e.mulFloats(sum, decay));
  if (sumsFar())
    llvm::append_range(next, addFarWeight(far, tableRow, weight));
  return next;
}

/// A warp attends from one query to one key after the other.
void AttentionKernel::attendPlainly(Value slot) {
  BlockQueries::Place query = queries.at(e, slot);
  Value head = query.head, queryRow = query.row;
  Value zero = emit::f32(e.builder, e.loc, 0);
  Row row{{}, {}, emit::negativeInfinity(e.builder, e.loc), zero, {}};
  for (int64_t c = 0; c < tiling.columns; c += kWarpThreads)
    row.columns.push_back(e.add(firstColumn, e.add(e.lane(), c)));
  size_t columns = row.columns.size();
  auto fromList = [&](ValueRange list) {
    ValueRange sums = list.drop_front(2), far = sums.drop_front(columns);
    return Row{row.columns, SmallVector<Value>(sums.take_front(columns)),
               list[0], list[1], SmallVector<Value>(far)};
  };
  SmallVector<Value> start{row.largest, row.total};
  start.append(columns + (sumsFar() ? 2 : 0), zero);
  auto addKey = [&](const KeyTile &tile, Value place, ValueRange carried) {
    Value keyRow = rowOf(tile, place);
    MaskPoint point{queries.batch, head,
                    queryRow,      e.add(rows.offset, queryRow),
                    keyRow,        keptKeys.positionOf(queries.batch, keyRow)};
    Value kept = emit::logicalAnd(e.builder, e.loc, keptKeys.isKept(point),
                                  e.lessThan(queryRow, rows.queryEnd));
    return e.choose(
        kept, carried.getTypes(),
        [&] { return addPlainly(point, fromList(carried)); },
        [&] { return SmallVector<Value>(carried); });
  };
  SmallVector<Value> done = e.loop(
      firstTile, lastTile, 1, start, [&](Value number, ValueRange carried) {
        KeyTile tile = tileAt(number);
        return e.loop(e.index(0), tile.count, 1, carried,
                      [&](Value place, ValueRange inner) {
                        return addKey(tile, place, inner);
                      });
      });
  store(fromList(done), {head, queryRow});
}
