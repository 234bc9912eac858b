//===- AttentionTile.cpp - Some queries over some keys --------------------===//
#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

SmallVector<Value> AttentionTile::loadRow(Value memory, Value row) {
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < vectors; ++i)
    loaded.push_back(
        emitter.load(memory, {row, emitter.index(i * emitter.lanes())}));
  return loaded;
}

void AttentionTile::storeRow(ValueRange row, Value memory, Value at) {
  for (int64_t i = 0; i < vectors; ++i)
    emitter.store(row[i], memory, {at, emitter.index(i * emitter.lanes())});
}

/// memory[at, :] = decay memory[at, :] + row.
void AttentionTile::addToRow(Value memory, Value at, ValueRange decay,
                             ValueRange row) {
  SmallVector<Value> next;
  for (auto [before, factor, more] : llvm::zip(loadRow(memory, at), decay, row))
    next.push_back(emitter.mulAdd(before, factor, more));
  storeRow(next, memory, at);
}

void AttentionTile::begin() {
  VectorEmitter &e = emitter;
  SmallVector<Value> zeros(vectors, e.zeros());
  SmallVector<Value> none(vectors, e.minusInfinity());
  e.loop(e.index(0), e.size(scratch.sums, 0), 1,
         [&](Value column) { storeRow(zeros, scratch.sums, column); });
  storeRow(none, scratch.state, e.index(0));
  storeRow(zeros, scratch.state, e.index(1));
}

void AttentionTile::addKeys(Value count, Value isWhole,
                            function_ref<void()> adjust) {
  VectorEmitter &e = emitter;
  if (scratch.keys)
    convert(operands.key, scratch.keys, count);
  if (scratch.values)
    convert(operands.value, scratch.values, count);
  multiplyKeys(count);
  adjust();
  SmallVector<Value> decay = weigh(count);
  // The weight 0 of a key that is not kept times NaN would be NaN.
  Value isPlain =
      e.builder.createOrFold<arith::OrIOp>(e.loc, isWhole, isFinite(count));
  e.choose(
      isPlain, [&] { addValues(count, decay, /*keptOnly=*/false); },
      [&] { addValues(count, decay, /*keptOnly=*/true); });
}

/// The rows of the tile as f32. Every place has a row, and as products are
/// made of whole groups of places, all of these are needed.
void AttentionTile::convert(Value source, Value destination, Value count) {
  VectorEmitter &e = emitter;
  Value places = e.mul(e.ceilDiv(count, kRows), kRows);
  e.loop(e.index(0), places, 1, [&](Value place) {
    Value row = memref::LoadOp::create(e.builder, e.loc, scratch.rows, place);
    e.overColumns(
        e.index(0), e.size(destination, 1), [&](Value column, Value mask) {
          Value numbers = e.load(
              source, {operands.batch, operands.group, row, column}, mask);
          e.store(numbers, destination, {place, column}, mask);
        });
  });
}

Value AttentionTile::loadKey(Value place, Value row, Value column) {
  if (scratch.keys)
    return emitter.loadScalar(scratch.keys, {place, column});
  return emitter.loadScalar(operands.key,
                            {operands.batch, operands.group, row, column});
}

/// scores[i, :] = <key i, queries>.
void AttentionTile::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), count, kRows, [&](Value first) {
    SmallVector<Value> places, rows;
    for (int64_t i = 0; i < kRows; ++i) {
      places.push_back(e.add(first, i));
      rows.push_back(memref::LoadOp::create(e.builder, e.loc, scratch.rows,
                                            places.back()));
    }
    auto addOne = [&](Value d, ValueRange sums) {
      SmallVector<Value> queries = loadRow(scratch.queries, d), next;
      for (auto [place, row] : llvm::zip(places, rows)) {
        Value key = e.splat(loadKey(place, row, d));
        for (Value query : queries)
          next.push_back(e.mulAdd(key, query, sums[next.size()]));
      }
      return next;
    };
    SmallVector<Value> zeros(kRows * vectors, e.zeros());
    SmallVector<Value> products =
        e.loop(e.index(0), e.size(scratch.queries, 0), 1, zeros, addOne);
    for (int64_t i = 0; i < kRows; ++i)
      storeRow(ArrayRef<Value>(products).slice(i * vectors, vectors),
               scratch.scores, places[i]);
  });
}

/// Scores become weights relative to the largest score so far. Returns the
/// factors of what was summed before.
SmallVector<Value> AttentionTile::weigh(Value count) {
  VectorEmitter &e = emitter;
  SmallVector<Value> before = loadRow(scratch.state, e.index(0));
  SmallVector<Value> largest =
      e.loop(e.index(0), count, 1, before, [&](Value i, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [score, most] :
             llvm::zip(loadRow(scratch.scores, i), carried))
          next.push_back(e.maxFloats(score, most));
        return next;
      });
  storeRow(largest, scratch.state, e.index(0));
  SmallVector<Value> base, decay;
  for (auto [most, old] : llvm::zip(largest, before)) {
    // Without a score so far, -inf - -inf would be NaN.
    base.push_back(
        e.select(e.equalFloats(most, e.minusInfinity()), e.zeros(), most));
    decay.push_back(e.expOfNegative(e.subFloats(old, base.back())));
  }
  // The sum of a tile by itself: many keys added one by one would lose digits.
  SmallVector<Value> zeros(vectors, e.zeros());
  SmallVector<Value> totals =
      e.loop(e.index(0), count, 1, zeros, [&](Value i, ValueRange carried) {
        SmallVector<Value> weights, next;
        for (auto [score, most] : llvm::zip(loadRow(scratch.scores, i), base))
          weights.push_back(e.expOfNegative(e.subFloats(score, most)));
        storeRow(weights, scratch.scores, i);
        for (auto [total, weight] : llvm::zip(carried, weights))
          next.push_back(e.addFloats(total, weight));
        return next;
      });
  addToRow(scratch.state, e.index(1), decay, totals);
  return decay;
}

/// Whether all values of the tile are finite: only those times 0 are 0.
Value AttentionTile::isFinite(Value count) {
  VectorEmitter &e = emitter;
  Value columns = e.size(operands.value, 3);
  Value sum = e.loop(
      e.index(0), count, 1, e.zeros(), [&](Value place, ValueRange carried) {
        Value row =
            memref::LoadOp::create(e.builder, e.loc, scratch.rows, place);
        auto at = [&](Value column) -> SmallVector<Value> {
          return {operands.batch, operands.group, row, column};
        };
        auto add = [&](Value sum, Value column, Value mask) {
          return e.mulAdd(e.load(operands.value, at(column), mask), e.zeros(),
                          sum);
        };
        Value whole = e.roundDown(columns, e.lanes());
        SmallVector<Value> sums =
            e.loop(e.index(0), whole, e.lanes(), carried,
                   [&](Value column, ValueRange inner) {
                     return SmallVector<Value>{add(inner[0], column, {})};
                   });
        return SmallVector<Value>{
            add(sums[0], whole, e.firstLanes(e.sub(columns, whole)))};
      })[0];
  Value zero = emit::f32(e.builder, e.loc, 0);
  return e.equalFloats(e.sum(sum), zero);
}

Value AttentionTile::loadValue(Value place, Value column) {
  if (scratch.values)
    return emitter.loadScalar(scratch.values, {place, column});
  Value row =
      memref::LoadOp::create(emitter.builder, emitter.loc, scratch.rows, place);
  return emitter.loadScalar(operands.value,
                            {operands.batch, operands.group, row, column});
}

/// sums[e, :] = decay sums[e, :] + sum_i weights[i, :] value[i, e].
void AttentionTile::addValues(Value count, ValueRange decay, bool keptOnly) {
  VectorEmitter &e = emitter;
  Value width = e.size(operands.value, 3), last = e.sub(width, e.index(1));
  e.loop(e.index(0), width, kRows, [&](Value first) {
    auto add = [&](bool isWhole) {
      SmallVector<Value> columns;
      for (int64_t i = 0; i < kRows; ++i) {
        Value column = e.add(first, i);
        columns.push_back(isWhole ? column : e.min(column, last));
      }
      addColumns(first, columns, count, decay, keptOnly);
    };
    e.choose(
        e.lessEqual(e.add(first, kRows), width), [&] { add(true); },
        [&] { add(false); });
  });
}

/// kRows columns of the values, from `first` on; behind the last one the sums
/// have room.
void AttentionTile::addColumns(Value first, ValueRange columns, Value count,
                               ValueRange decay, bool keptOnly) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value place, ValueRange sums) {
    SmallVector<Value> weights = loadRow(scratch.scores, place), kept, next;
    if (keptOnly)
      for (Value flag : loadRow(scratch.kept, place))
        kept.push_back(e.lessFloats(e.zeros(), flag));
    for (Value column : columns) {
      Value value = e.splat(loadValue(place, column));
      for (auto [lane, weight] : llvm::enumerate(weights)) {
        Value before = sums[next.size()];
        Value sum = e.mulAdd(value, weight, before);
        next.push_back(keptOnly ? e.select(kept[lane], sum, before) : sum);
      }
    }
    return next;
  };
  SmallVector<Value> zeros(kRows * vectors, e.zeros());
  SmallVector<Value> sums = e.loop(e.index(0), count, 1, zeros, addOne);
  for (int64_t i = 0; i < kRows; ++i)
    addToRow(scratch.sums, e.add(first, i), decay,
             ArrayRef<Value>(sums).slice(i * vectors, vectors));
}

void AttentionTile::end() {
  VectorEmitter &e = emitter;
  SmallVector<Value> totals = loadRow(scratch.state, e.index(1)), isEmpty;
  for (Value total : totals)
    isEmpty.push_back(e.equalFloats(total, e.zeros()));
  e.loop(e.index(0), e.size(operands.value, 3), 1, [&](Value column) {
    SmallVector<Value> means;
    for (auto [sum, total, empty] :
         llvm::zip(loadRow(scratch.sums, column), totals, isEmpty))
      means.push_back(e.select(empty, e.zeros(), e.divFloats(sum, total)));
    storeRow(means, scratch.sums, column);
  });
}
