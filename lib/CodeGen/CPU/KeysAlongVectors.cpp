//===- KeysAlongVectors.cpp - Attention of very few queries -------------===//
#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Neighbouring keys of a tile.
static constexpr int64_t kKeys = 256;
/// Keys that are multiplied with at once: streams that are read side by side.
static constexpr int64_t kStreams = 4;
/// Vectors of a key that are multiplied in a step, and of values that are
/// summed at once, unless known columns make others better.
static constexpr int64_t kVectors = 4;
/// Sums that do not wait for one another: less than these, and adding takes
/// longer than reading.
static constexpr int64_t kSums = 8;

/// Scores of few queries are few, and what is done once for a tile is waited
/// for. The list of gathered rows is that of a common tile.
int64_t KeysAlongVectors::keyTile() {
  return operands.rows ? emitter.cpu.keyTile() : kKeys;
}

void KeysAlongVectors::makeScratch(Value width) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  OpFoldResult all = e.fixed(queryCount), keys = e.fixed(keyTile());
  queries = e.scratch({all, width},
                      multipliesPairs() ? Type(e.builder.getBF16Type()) : f32);
  scores = e.scratch({all, keys}, f32);
  kept = e.scratch({all, keys}, f32);
  if (operands.rows && widthOf(operands.value) < 32)
    areFar = e.lessThan(e.index(e.cpu.farBytes()), bytesOfKeys());
}

int64_t KeysAlongVectors::widthOf(Value source) {
  return cast<MemRefType>(source.getType()).getElementTypeBitWidth();
}

SmallVector<OpFoldResult> KeysAlongVectors::sumSizes(Value valueWidth) {
  return {emitter.fixed(queryCount), valueWidth};
}

SmallVector<Value> KeysAlongVectors::queryAt(Value query, Value d) {
  return {query, multipliesPairs() ? d : orderOf(operands.key, d, kVectors)};
}

/// Whole rows at once where they are known to fit half of the registers: memory
/// is then read in order, and sums are many.
int64_t KeysAlongVectors::valueVectors() {
  VectorEmitter &e = emitter;
  int64_t columns = cast<MemRefType>(operands.value.getType()).getDimSize(3);
  for (int64_t vectors = e.cpu.vectorRegisters / 2; vectors >= 2; vectors -= 2)
    if (!ShapedType::isDynamic(columns) && columns % (vectors * e.lanes()) == 0)
      return vectors;
  return kVectors;
}

/// Where scratch has a column of `source`: bf16 numbers are loaded as pairs,
/// and all first ones of a vector of them lie in front of all second ones.
/// `vectors` are loaded at once, and what is left is not paired.
Value KeysAlongVectors::orderOf(Value source, Value column, int64_t vectors) {
  VectorEmitter &e = emitter;
  if (!isBF16(source))
    return column;
  Value pair = e.quotient(column, 2), second = e.sub(column, e.mul(pair, 2));
  Value first = e.roundDown(column, 2 * e.lanes());
  Value place =
      e.add(e.sub(pair, e.quotient(first, 2)), e.mul(second, e.lanes()));
  Value whole = e.roundDown(e.size(source, 3), vectors * e.lanes());
  return e.select(e.lessThan(column, whole), e.add(first, place), column);
}

/// `count` vectors from `column` on, in the order of scratch. Moving the halves
/// of pairs costs less than widening bf16 numbers one by one.
SmallVector<Value> KeysAlongVectors::loadVectors(Value source, Value row,
                                                 Value column, int64_t count) {
  VectorEmitter &e = emitter;
  SmallVector<Value> vectors;
  if (!isBF16(source)) {
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

/// scores[q, i] = <key i, query q>. Neighbouring keys are streams that the CPU
/// foresees: to ask for them, or for their values, costs more than it saves.
void KeysAlongVectors::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), count, kStreams, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < kStreams; ++i)
      rows.push_back(rowOf(e.add(first, i)));
    // Nobody foresees which rows are gathered, and each cache line of 16-bit
    // numbers takes long to widen, so that few are on their way at a time.
    if (areFar)
      e.choose(areFar, [&] {
        for (Value row : rows)
          prefetchRow(operands.value, row);
      });
    SmallVector<Value> sums =
        multipliesPairs() ? sumPairs(rows) : sumProducts(rows);
    for (int64_t query = 0; query < queryCount; ++query) {
      Value products =
          e.sumEach(ArrayRef<Value>(sums).slice(query * kStreams, kStreams));
      if (scale)
        products = e.mulFloats(
            products, vector::BroadcastOp::create(e.builder, e.loc,
                                                  products.getType(), scale));
      e.storeBits(products, scores, scoreAt(first, e.index(query)));
    }
  });
}

/// Vectors of the products of each query and each of some keys.
SmallVector<Value> KeysAlongVectors::sumProducts(ValueRange rows) {
  VectorEmitter &e = emitter;
  int64_t step = kVectors * e.lanes();
  Value width = e.size(operands.key, 3), whole = e.roundDown(width, step);
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
  SmallVector<Value> products(queryCount * rows.size(), e.zeros());
  products = e.loop(e.index(0), whole, step, products, addStep);
  return e.overColumns(whole, width, products, addVector);
}

/// The same of bf16 numbers, of which a lane takes two products at a time.
SmallVector<Value> KeysAlongVectors::sumPairs(ValueRange rows) {
  VectorEmitter &e = emitter;
  int64_t step = 2 * e.lanes();
  Value width = e.size(operands.key, 3), whole = e.roundDown(width, step);
  auto addTerms = [&](Value d, Value mask, ValueRange carried) {
    SmallVector<Value> keys, next;
    for (Value row : rows)
      keys.push_back(e.loadBits(
          operands.key, {operands.batch, operands.group, row, d}, step, mask));
    for (int64_t query = 0; query < queryCount; ++query) {
      Value pairs = e.loadBits(queries, {e.index(query), d}, step, mask);
      for (Value key : keys)
        next.push_back(e.addProducts(pairs, key, carried[next.size()]));
    }
    return next;
  };
  SmallVector<Value> sums(queryCount * rows.size(), e.zeros());
  sums = e.loop(e.index(0), whole, step, sums, [&](Value d, ValueRange sofar) {
    return addTerms(d, {}, sofar);
  });
  auto addRest = [&] {
    auto type = VectorType::get(step, e.builder.getI1Type());
    Value mask = vector::CreateMaskOp::create(e.builder, e.loc, type,
                                              e.sub(width, whole));
    return addTerms(whole, mask, sums);
  };
  return e.choose(e.lessThan(whole, width), ValueRange(sums).getTypes(),
                  addRest, [&] { return sums; });
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
  int64_t atOnce = valueVectors();
  Value whole = e.roundDown(width, atOnce * e.lanes());
  // What is rare is code that is small rather than fast.
  int64_t vectors = keptOnly ? 2 : atOnce;
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
  int64_t perKey = queryCount * columns.size();
  int64_t chains = keptOnly ? 1 : std::max<int64_t>(kSums / perKey, 1);
  auto addSome = [&](Value first, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < chains; ++i)
      llvm::append_range(
          next, addOne(e.add(first, i), carried.slice(i * perKey, perKey)));
    return next;
  };
  Value whole = e.roundDown(count, chains);
  SmallVector<Value> zeros(chains * perKey, e.zeros());
  SmallVector<Value> added = e.loop(e.index(0), whole, chains, zeros, addSome);
  for (; added.size() > size_t(perKey); added.truncate(added.size() - perKey))
    for (int64_t i = 0; i < perKey; ++i)
      added[i] = e.addFloats(added[i], added[added.size() - perKey + i]);
  added = e.loop(whole, count, 1, added, addOne);
  for (int64_t query = 0; query < queryCount; ++query)
    for (unsigned i = 0; i < columns.size(); ++i) {
      SmallVector<Value> at{e.index(query), columns[i]};
      Value before = e.load(sums.values, at, mask);
      Value sum =
          e.mulAdd(before, decay[query], added[query * columns.size() + i]);
      e.store(sum, sums.values, at, mask);
    }
}
