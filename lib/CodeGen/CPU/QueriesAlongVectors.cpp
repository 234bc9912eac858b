//===- QueriesAlongVectors.cpp - Attention with a query in every lane -----===//
#include "AttentionTile.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::effattn;

void QueriesAlongVectors::makeScratch(Value /*valueWidth*/) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  OpFoldResult keys = e.fixed(e.cpu.keyTile()), all = e.fixed(queryCount);
  scores = e.scratch({keys, all}, f32);
  kept = e.scratch({keys, all}, f32);
  auto makeConverted = [&](Value source) -> Value {
    if (cast<MemRefType>(source.getType()).getElementType() == f32)
      return {};
    return e.scratch({keys, e.size(source, 3)}, f32);
  };
  f32Keys = makeConverted(operands.key);
  f32Values = makeConverted(operands.value);
}

SmallVector<OpFoldResult> QueriesAlongVectors::sumSizes(Value valueWidth) {
  return {valueWidth, emitter.fixed(queryCount)};
}

SmallVector<Value> QueriesAlongVectors::loadRow(Value memory, Value row) {
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < vectors(); ++i)
    loaded.push_back(
        emitter.load(memory, {row, emitter.index(i * emitter.lanes())}));
  return loaded;
}

void QueriesAlongVectors::storeRow(ValueRange row, Value memory, Value at) {
  for (int64_t i = 0; i < vectors(); ++i)
    emitter.store(row[i], memory, {at, emitter.index(i * emitter.lanes())});
}

/// memory[at, :] = decay memory[at, :] + row.
void QueriesAlongVectors::addToRow(Value memory, Value at, ValueRange decay,
                                   ValueRange row) {
  SmallVector<Value> next;
  for (auto [before, factor, more] : llvm::zip(loadRow(memory, at), decay, row))
    next.push_back(emitter.mulAdd(before, factor, more));
  storeRow(next, memory, at);
}

void QueriesAlongVectors::convertKeys(Value count) {
  if (f32Keys)
    convert(operands.key, f32Keys, count);
  if (f32Values)
    convert(operands.value, f32Values, count);
}

/// The rows of the tile as f32. Every place has a row, and as products are
/// made of whole groups of places, all of these are needed.
void QueriesAlongVectors::convert(Value source, Value destination,
                                  Value count) {
  VectorEmitter &e = emitter;
  Value places = e.mul(e.ceilDiv(count, e.cpu.keyRows()), e.cpu.keyRows());
  e.loop(e.index(0), places, 1, [&](Value place) {
    widenRow(source, rowOf(place), destination, place);
  });
}

/// The batch row, head and row of each of `count` lanes from `first` on.
void QueriesAlongVectors::overQueries(
    Value heads, Value queryRows, int64_t count, Value first,
    function_ref<void(int64_t, ValueRange)> body) {
  VectorEmitter &e = emitter;
  auto load = [&](Value list, Value lane) -> Value {
    return memref::LoadOp::create(e.builder, e.loc, list, lane);
  };
  for (int64_t i = 0; i < count; ++i) {
    Value lane = e.add(first, i);
    body(i, {operands.batch, load(heads, lane), load(queryRows, lane)});
  }
}

/// Squares of as many queries as columns are transposed in registers.
void QueriesAlongVectors::loadQueries(Value source, Value heads,
                                      Value queryRows, Value scale) {
  VectorEmitter &e = emitter;
  Value width = e.size(queries, 0), factor = e.splat(scale);
  Value whole = e.roundDown(width, e.lanes());
  auto at = [](ValueRange query, Value d) {
    return SmallVector<Value>{query[0], query[1], query[2], d};
  };
  e.loop(e.index(0), e.index(queryCount), e.lanes(), [&](Value lane) {
    e.loop(e.index(0), whole, e.lanes(), [&](Value d) {
      SmallVector<Value> square;
      overQueries(heads, queryRows, e.lanes(), lane,
                  [&](int64_t, ValueRange query) {
                    square.push_back(e.load(source, at(query, d)));
                  });
      e.transpose(square);
      for (auto [i, numbers] : llvm::enumerate(square))
        e.store(e.mulFloats(numbers, factor), queries, {e.add(d, i), lane});
    });
  });
  e.loop(e.index(0), e.index(queryCount), 1, [&](Value lane) {
    overQueries(heads, queryRows, 1, lane, [&](int64_t, ValueRange query) {
      e.loop(whole, width, 1, [&](Value d) {
        Value number = e.loadScalar(source, at(query, d));
        e.storeScalar(e.mulFloats(number, scale), queries, {d, lane});
      });
    });
  });
}

void QueriesAlongVectors::storeMeans(Value destination, Value heads,
                                     Value queryRows, Value factors) {
  VectorEmitter &e = emitter;
  Value width = e.size(sums.values, 0);
  bool hasRows = e.isContiguous(destination);
  Value whole = hasRows ? e.roundDown(width, e.lanes()) : e.index(0);
  auto at = [](ValueRange query, Value column) {
    return SmallVector<Value>{query[0], query[1], query[2], column};
  };
  auto storeSquares = [&](Value lane) {
    Value factor = e.load(factors, lane);
    Value isEmpty = e.equalFloats(factor, e.zeros());
    e.loop(e.index(0), whole, e.lanes(), [&](Value column) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < e.lanes(); ++i) {
        Value sum = e.load(sums.values, {e.add(column, i), lane});
        square.push_back(
            e.select(isEmpty, e.zeros(), e.mulFloats(sum, factor)));
      }
      e.transpose(square);
      overQueries(heads, queryRows, e.lanes(), lane,
                  [&](int64_t i, ValueRange query) {
                    e.store(square[i], destination, at(query, column));
                  });
    });
  };
  if (hasRows)
    e.loop(e.index(0), e.index(queryCount), e.lanes(), storeSquares);
  Value zero = emit::f32(e.builder, e.loc, 0);
  e.loop(e.index(0), e.index(queryCount), 1, [&](Value lane) {
    Value factor = e.loadScalar(factors, lane);
    Value isEmpty = e.equalFloats(factor, zero);
    overQueries(heads, queryRows, 1, lane, [&](int64_t, ValueRange query) {
      e.loop(whole, width, 1, [&](Value column) {
        Value sum = e.loadScalar(sums.values, {column, lane});
        e.storeScalar(e.select(isEmpty, zero, e.mulFloats(sum, factor)),
                      destination, at(query, column));
      });
    });
  });
}

/// A number of the key or value at a place, from `converted` where that is.
Value QueriesAlongVectors::loadOne(Value source, Value converted, Value place,
                                   Value column) {
  if (converted)
    return emitter.loadScalar(converted, {placeOf(place), column});
  return emitter.loadScalar(
      source, {operands.batch, operands.group, rowOf(place), column});
}

/// Nobody foresees which rows are gathered. The next keys, and the values of
/// these ones, are asked for while these keys are multiplied.
void QueriesAlongVectors::prefetchGathered(ValueRange places) {
  VectorEmitter &e = emitter;
  Value last = e.index(e.cpu.keyTile() - 1);
  for (Value place : places) {
    if (!f32Values)
      prefetchRow(operands.value, rowOf(place));
    if (!f32Keys)
      prefetchRow(operands.key,
                  rowOf(e.min(e.add(place, e.cpu.keyRows()), last)));
  }
}

/// scores[i, :] = <key i, queries>.
void QueriesAlongVectors::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), count, e.cpu.keyRows(), [&](Value first) {
    SmallVector<Value> places;
    for (int64_t i = 0; i < e.cpu.keyRows(); ++i)
      places.push_back(e.add(first, i));
    if (operands.rows)
      prefetchGathered(places);
    auto addOne = [&](Value d, ValueRange carried) {
      SmallVector<Value> numbers = loadRow(queries, d), next;
      for (int64_t i = 0; i < e.cpu.keyRows(); ++i) {
        Value key = e.splat(loadOne(operands.key, f32Keys, places[i], d));
        for (Value query : numbers)
          next.push_back(e.mulAdd(key, query, carried[next.size()]));
      }
      return next;
    };
    SmallVector<Value> zeros(e.cpu.keyRows() * vectors(), e.zeros());
    SmallVector<Value> products =
        e.loop(e.index(0), e.size(queries, 0), 1, zeros, addOne);
    for (int64_t i = 0; i < e.cpu.keyRows(); ++i)
      storeRow(ArrayRef<Value>(products).slice(i * vectors(), vectors()),
               scores, places[i]);
  });
}

SmallVector<Value> QueriesAlongVectors::weigh(Value count) {
  VectorEmitter &e = emitter;
  SmallVector<Value> before = loadRow(sums.state, e.index(0));
  SmallVector<Value> largest =
      e.loop(e.index(0), count, 1, before, [&](Value i, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [score, most] : llvm::zip(loadRow(scores, i), carried))
          next.push_back(e.maxFloats(score, most));
        return next;
      });
  storeRow(largest, sums.state, e.index(0));
  SmallVector<Value> base, decay;
  for (auto [most, old] : llvm::zip(largest, before)) {
    base.push_back(baseOf(most));
    decay.push_back(e.expOfNegative(e.subFloats(old, base.back())));
  }
  // The sum of a tile by itself: many keys added one by one would lose digits.
  SmallVector<Value> zeros(vectors(), e.zeros());
  SmallVector<Value> totals =
      e.loop(e.index(0), count, 1, zeros, [&](Value i, ValueRange carried) {
        SmallVector<Value> weights, next;
        for (auto [score, most] : llvm::zip(loadRow(scores, i), base))
          weights.push_back(e.weightOf(e.subFloats(score, most)));
        storeRow(weights, scores, i);
        for (auto [total, weight] : llvm::zip(carried, weights))
          next.push_back(e.addFloats(total, weight));
        return next;
      });
  addToRow(sums.state, e.index(1), decay, totals);
  return decay;
}

/// values[e, :] = decay values[e, :] + sum_i weights[i, :] value[i, e].
void QueriesAlongVectors::addValues(Value count, ValueRange decay,
                                    bool keptOnly) {
  VectorEmitter &e = emitter;
  auto addFrom = [&](Value first, int64_t number) {
    SmallVector<Value> columns;
    for (int64_t i = 0; i < number; ++i)
      columns.push_back(e.add(first, i));
    addColumns(columns, count, decay, keptOnly);
  };
  Value width = e.size(operands.value, 3);
  // Rare: code that is small rather than fast.
  Value whole = keptOnly ? e.index(0) : e.roundDown(width, e.cpu.keyRows());
  if (!keptOnly)
    e.loop(e.index(0), whole, e.cpu.keyRows(),
           [&](Value first) { addFrom(first, e.cpu.keyRows()); });
  e.loop(whole, width, 1, [&](Value column) { addFrom(column, 1); });
}

void QueriesAlongVectors::addColumns(ValueRange columns, Value count,
                                     ValueRange decay, bool keptOnly) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value place, ValueRange carried) {
    SmallVector<Value> weights = loadRow(scores, place), isKept, next;
    if (keptOnly)
      for (Value flag : loadRow(kept, place))
        isKept.push_back(e.lessFloats(e.zeros(), flag));
    for (Value column : columns) {
      Value value = e.splat(loadOne(operands.value, f32Values, place, column));
      for (auto [lane, weight] : llvm::enumerate(weights)) {
        Value before = carried[next.size()];
        Value sum = e.mulAdd(value, weight, before);
        next.push_back(keptOnly ? e.select(isKept[lane], sum, before) : sum);
      }
    }
    return next;
  };
  SmallVector<Value> zeros(columns.size() * vectors(), e.zeros());
  SmallVector<Value> added = e.loop(e.index(0), count, 1, zeros, addOne);
  for (auto [i, column] : llvm::enumerate(columns))
    addToRow(sums.values, column, decay,
             ArrayRef<Value>(added).slice(i * vectors(), vectors()));
}
