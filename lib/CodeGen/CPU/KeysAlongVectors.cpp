//===- KeysAlongVectors.cpp - Attention of very few queries -------------===//
#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Second-level caches whose size keys and values exceed when memory outside of
/// all caches is to be expected.
static constexpr int64_t kFarCaches = 32;
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
  if (widthOf(operands.value) < 32)
    areFar = e.lessThan(e.index(kFarCaches * e.cpu.secondCache()),
                        e.add(bytesOf(operands.key), bytesOf(operands.value)));
}

int64_t KeysAlongVectors::widthOf(Value source) {
  return cast<MemRefType>(source.getType()).getElementTypeBitWidth();
}

Value KeysAlongVectors::bytesOf(Value source) {
  VectorEmitter &e = emitter;
  Value bytes = e.index(widthOf(source) / 8);
  for (int64_t dim = 0; dim < 4; ++dim)
    bytes = e.mul(bytes, e.size(source, dim));
  return bytes;
}

/// Each cache line of 16-bit numbers takes long to widen, so that few are on
/// their way at a time. Values are asked for while their keys are multiplied.
void KeysAlongVectors::prefetchValues(ValueRange rows) {
  VectorEmitter &e = emitter;
  int64_t line = kVectorAlignment * 8 / widthOf(operands.value);
  for (Value row : rows)
    e.loop(e.index(0), e.size(operands.value, 3), line, [&](Value column) {
      e.prefetch(operands.value, {operands.batch, operands.group, row, column});
    });
}

SmallVector<OpFoldResult> KeysAlongVectors::sumSizes(Value valueWidth) {
  return {emitter.fixed(queryCount), valueWidth};
}

static bool isPaired(Value source) {
  return cast<MemRefType>(source.getType()).getElementType().isBF16();
}

/// Where scratch has a column of `source`: bf16 numbers are loaded as pairs,
/// and all first ones of a vector of them lie in front of all second ones.
Value KeysAlongVectors::orderOf(Value source, Value column) {
  VectorEmitter &e = emitter;
  if (!isPaired(source))
    return column;
  Value pair = e.quotient(column, 2), second = e.sub(column, e.mul(pair, 2));
  Value first = e.roundDown(column, 2 * e.lanes());
  Value place =
      e.add(e.sub(pair, e.quotient(first, 2)), e.mul(second, e.lanes()));
  Value whole = e.roundDown(e.size(source, 3), kVectors * e.lanes());
  return e.select(e.lessThan(column, whole), e.add(first, place), column);
}

/// `count` vectors from `column` on, in the order of scratch. Moving the halves
/// of pairs costs less than widening bf16 numbers one by one.
SmallVector<Value> KeysAlongVectors::loadVectors(Value source, Value row,
                                                 Value column, int64_t count) {
  VectorEmitter &e = emitter;
  SmallVector<Value> vectors;
  if (!isPaired(source)) {
    for (int64_t i = 0; i < count; ++i)
      vectors.push_back(loadSource(source, row, e.add(column, i * e.lanes())));
    return vectors;
  }
  auto pairs = VectorType::get(e.lanes(), e.builder.getI32Type());
  auto all = [&](int32_t number) -> Value {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     DenseElementsAttr::get(pairs, number));
  };
  auto toFloats = [&](Value bits) {
    return vector::BitCastOp::create(e.builder, e.loc, e.vectorType(), bits);
  };
  auto type = VectorType::get(2 * e.lanes(), e.builder.getBF16Type());
  for (int64_t i = 0; i < count; i += 2) {
    SmallVector<Value> at{operands.batch, operands.group, row,
                          e.add(column, i * e.lanes())};
    Value numbers = vector::LoadOp::create(e.builder, e.loc, type, source, at);
    Value bits = vector::BitCastOp::create(e.builder, e.loc, pairs, numbers);
    vectors.push_back(
        toFloats(arith::ShLIOp::create(e.builder, e.loc, bits, all(16))));
    vectors.push_back(toFloats(
        arith::AndIOp::create(e.builder, e.loc, bits, all(0xffff0000))));
  }
  return vectors;
}

/// scores[q, i] = <key i, query q>. Keys are streams that the CPU foresees: to
/// ask for them, or for f32 values meanwhile, costs more than it saves.
void KeysAlongVectors::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  int64_t step = kVectors * e.lanes();
  Value width = e.size(operands.key, 3), whole = e.roundDown(width, step);
  e.loop(e.index(0), count, kStreams, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < kStreams; ++i)
      rows.push_back(rowOf(e.add(first, i)));
    if (areFar)
      e.choose(areFar, [&] { prefetchValues(rows); });
    auto addTerms = [&](ArrayRef<Value> keys, Value d, Value mask,
                        ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t query = 0; query < queryCount; ++query) {
        Value numbers = e.load(queries, {e.index(query), d}, mask);
        for (Value key : keys)
          next.push_back(e.mulAdd(numbers, key, carried[next.size()]));
      }
      return next;
    };
    // Several vectors a step: the sizes of heads are few of them, and a loop
    // over one at a time would cost as much as what it does.
    auto addStep = [&](Value d, ValueRange carried) {
      SmallVector<SmallVector<Value>> loaded;
      for (Value row : rows)
        loaded.push_back(loadVectors(operands.key, row, d, kVectors));
      SmallVector<Value> sofar(carried);
      for (int64_t i = 0; i < kVectors; ++i) {
        SmallVector<Value> keys;
        for (ArrayRef<Value> vectors : loaded)
          keys.push_back(vectors[i]);
        sofar = addTerms(keys, e.add(d, i * e.lanes()), {}, sofar);
      }
      return sofar;
    };
    auto addVector = [&](Value d, Value mask, ValueRange carried) {
      SmallVector<Value> keys;
      for (Value row : rows)
        keys.push_back(loadSource(operands.key, row, d, mask));
      return addTerms(keys, d, mask, carried);
    };
    SmallVector<Value> products(queryCount * kStreams, e.zeros());
    products = e.loop(e.index(0), whole, step, products, addStep);
    products = e.overColumns(whole, width, products, addVector);
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
  Value whole = e.roundDown(width, kVectors * e.lanes());
  // What is rare is code that is small rather than fast.
  int64_t vectors = keptOnly ? 2 : kVectors;
  e.loop(e.index(0), whole, vectors * e.lanes(), [&](Value first) {
    SmallVector<Value> columns;
    for (int64_t i = 0; i < vectors; ++i)
      columns.push_back(e.add(first, i * e.lanes()));
    addColumns(columns, {}, count, decay, keptOnly, [&](Value row) {
      return loadVectors(operands.value, row, first, vectors);
    });
  });
  e.overColumns(whole, width, [&](Value column, Value mask) {
    auto load = [&](Value row) {
      return SmallVector<Value>{loadSource(operands.value, row, column, mask)};
    };
    addColumns(column, mask, count, decay, keptOnly, load);
  });
}

/// `load` gives the vectors of a value in some columns.
void KeysAlongVectors::addColumns(
    ValueRange columns, Value mask, Value count, ValueRange decay,
    bool keptOnly, function_ref<SmallVector<Value>(Value row)> load) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value place, ValueRange carried) {
    SmallVector<Value> values = load(rowOf(place)), next;
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
      SmallVector<Value> at{e.index(query), columns[i]};
      Value before = e.load(sums.values, at, mask);
      Value sum =
          e.mulAdd(before, decay[query], added[query * columns.size() + i]);
      e.store(sum, sums.values, at, mask);
    }
}
