//===- KeysAlongVectors.cpp - Attention of very few queries -------------===//
#include "AttentionTile.h"

using namespace mlir;
using namespace mlir::effattn;

/// Keys that are multiplied with at once: streams that are read side by side.
static constexpr int64_t kStreams = 4;
/// Vectors of a key that are multiplied in a step, and of values that are
/// summed at once.
static constexpr int64_t kVectors = 4;

void KeysAlongVectors::makeScratch(Value width) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  OpFoldResult all = e.fixed(queryCount), keys = e.fixed(e.cpu.keyTile());
  queries = e.scratch({all, width}, f32);
  scores = e.scratch({all, keys}, f32);
  kept = e.scratch({all, keys}, f32);
}

SmallVector<OpFoldResult> KeysAlongVectors::sumSizes(Value valueWidth) {
  return {emitter.fixed(queryCount), valueWidth};
}

/// scores[q, i] = <key i, query q>. Keys are streams that the CPU foresees: to
/// ask for them, or for values meanwhile, costs more than it saves.
void KeysAlongVectors::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  int64_t step = kVectors * e.lanes();
  Value width = e.size(queries, 1), whole = e.roundDown(width, step);
  e.loop(e.index(0), count, kStreams, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < kStreams; ++i)
      rows.push_back(rowOf(e.add(first, i)));
    auto addTerms = [&](Value d, Value mask, ValueRange carried) {
      SmallVector<Value> keys, next;
      for (Value row : rows)
        keys.push_back(loadSource(operands.key, row, d, mask));
      for (int64_t query = 0; query < queryCount; ++query) {
        Value numbers = e.load(queries, {e.index(query), d}, mask);
        for (Value key : keys)
          next.push_back(e.mulAdd(numbers, key, carried[next.size()]));
      }
      return next;
    };
    // Several vectors a step: the sizes of heads are few of them, and a loop
    // over one at a time would cost as much as what it does.
    SmallVector<Value> products(queryCount * kStreams, e.zeros());
    products = e.loop(e.index(0), whole, step, products,
                      [&](Value d, ValueRange carried) {
                        SmallVector<Value> sofar(carried);
                        for (int64_t i = 0; i < kVectors; ++i)
                          sofar = addTerms(e.add(d, i * e.lanes()), {}, sofar);
                        return sofar;
                      });
    products = e.overColumns(whole, width, products, addTerms);
    for (int64_t query = 0; query < queryCount; ++query)
      for (int64_t i = 0; i < kStreams; ++i)
        e.storeScalar(e.sum(products[query * kStreams + i]), scores,
                      scoreAt(e.add(first, i), e.index(query)));
  });
}

SmallVector<Value> KeysAlongVectors::weigh(Value count) {
  VectorEmitter &e = emitter;
  // Whole vectors: behind the last key, scores are -inf.
  Value end = e.mul(e.ceilDiv(count, e.lanes()), e.lanes());
  e.loop(count, end, 1, [&](Value place) {
    for (int64_t query = 0; query < queryCount; ++query)
      e.storeScalar(emit::negativeInfinity(e.builder, e.loc), scores,
                    scoreAt(place, e.index(query)));
  });
  SmallVector<Value> factors;
  for (int64_t number = 0; number < queryCount; ++number) {
    Value query = e.index(number);
    SmallVector<Value> ofLargest{e.index(0), query};
    SmallVector<Value> ofTotal{e.index(1), query};
    Value before = e.loadScalar(sums.state, ofLargest);
    Value most =
        e.loop(e.index(0), end, e.lanes(), e.minusInfinity(),
               [&](Value place, ValueRange carried) {
                 Value some = e.load(scores, {query, place});
                 return SmallVector<Value>{e.maxFloats(some, carried[0])};
               })[0];
    Value largest = e.maxFloats(e.largest(most), before);
    e.storeScalar(largest, sums.state, ofLargest);
    Value base = baseOf(e.splat(largest));
    Value total =
        e.loop(e.index(0), end, e.lanes(), e.zeros(),
               [&](Value place, ValueRange carried) {
                 Value some = e.load(scores, {query, place});
                 Value weights = e.expOfNegative(e.subFloats(some, base));
                 e.store(weights, scores, {query, place});
                 return SmallVector<Value>{e.addFloats(carried[0], weights)};
               })[0];
    Value decay = e.expOfNegative(e.subFloats(e.splat(before), base));
    Value kept = e.mulFloats(decay, e.splat(e.loadScalar(sums.state, ofTotal)));
    e.storeScalar(e.addFloats(e.firstOf(kept), e.sum(total)), sums.state,
                  ofTotal);
    factors.push_back(decay);
  }
  return factors;
}

/// values[q, e] = decay values[q, e] + sum_i weights[q, i] value[i, e].
void KeysAlongVectors::addValues(Value count, ValueRange decay, bool keptOnly) {
  VectorEmitter &e = emitter;
  Value width = e.size(operands.value, 3);
  int64_t step = kVectors * e.lanes();
  // Rare: code that is small rather than fast.
  Value whole = keptOnly ? e.index(0) : e.roundDown(width, step);
  if (!keptOnly)
    e.loop(e.index(0), whole, step, [&](Value first) {
      SmallVector<Value> columns;
      for (int64_t i = 0; i < kVectors; ++i)
        columns.push_back(e.add(first, i * e.lanes()));
      addColumns(columns, {}, count, decay, keptOnly);
    });
  e.overColumns(whole, width, [&](Value column, Value mask) {
    addColumns(column, mask, count, decay, keptOnly);
  });
}

void KeysAlongVectors::addColumns(ValueRange columns, Value mask, Value count,
                                  ValueRange decay, bool keptOnly) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value place, ValueRange carried) {
    SmallVector<Value> values, next;
    Value row = rowOf(place);
    for (Value column : columns)
      values.push_back(loadSource(operands.value, row, column, mask));
    for (int64_t query = 0; query < queryCount; ++query) {
      SmallVector<Value> at = scoreAt(place, e.index(query));
      Value weight = e.splat(e.loadScalar(scores, at)), isKept;
      if (keptOnly)
        isKept = e.lessFloats(e.zeros(), e.splat(e.loadScalar(kept, at)));
      for (Value value : values) {
        Value before = carried[next.size()];
        Value sum = e.mulAdd(weight, value, before);
        next.push_back(keptOnly ? e.select(isKept, sum, before) : sum);
      }
    }
    return next;
  };
  SmallVector<Value> zeros(queryCount * columns.size(), e.zeros());
  SmallVector<Value> added = e.loop(e.index(0), count, 1, zeros, addOne);
  for (int64_t query = 0; query < queryCount; ++query)
    for (unsigned i = 0; i < columns.size(); ++i) {
      SmallVector<Value> at = sumAt(e.index(query), columns[i]);
      Value before = e.load(sums.values, at, mask);
      Value sum =
          e.mulAdd(before, decay[query], added[query * columns.size() + i]);
      e.store(sum, sums.values, at, mask);
    }
}
