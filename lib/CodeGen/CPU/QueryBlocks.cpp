//===- QueryBlocks.cpp - Attention of few queries with the same keys ------===//
#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Chains of maxima and of sums, so that none waits for the one before.
static constexpr int64_t kChains = 4;

/// Neighbouring numbers of a key, or pairs of them, that are multiplied with as
/// many of every query at once.
static constexpr int64_t kPart = 4;

/// Numbers of a part.
int64_t QueryBlocks::partSize() {
  return multipliesPairs() ? 2 * kPart : kPart;
}

void QueryBlocks::makeScratch(Value width) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  OpFoldResult all = e.fixed(queryCount),
               blocks = e.fixed(queryCount / blockSize()),
               keys = e.fixed(e.cpu.keyTile() * blockSize());
  int64_t ofPart = partSize() * blockSize();
  Value parts = e.mul(e.ceilDiv(width, partSize()), ofPart);
  Type bf16 = e.builder.getBF16Type();
  queries = e.scratch({blocks, parts}, multipliesPairs() ? bf16 : f32);
  scores = e.scratch({blocks, keys}, f32);
  kept = e.scratch({blocks, keys}, f32);
  factors = e.scratch({e.fixed(1), all}, f32);
  if (cast<MemRefType>(operands.key.getType()).getElementType() != f32 &&
      !multipliesPairs())
    f32Keys = e.scratch({e.fixed(keysOfStep()), width}, f32);
  if (!operands.rows)
    areFar = e.lessThan(e.index(e.cpu.farBytes() / 2), bytesOfKeys());
  // The last part may have more numbers than a query.
  Value last = e.max(e.sub(parts, e.index(ofPart)), e.index(0));
  overBlocks([&](Value block) {
    e.loop(last, parts, e.lanes(),
           [&](Value place) { e.store(e.zeros(), queries, {block, place}); });
  });
}

SmallVector<OpFoldResult> QueryBlocks::sumSizes(Value valueWidth) {
  return {emitter.fixed(queryCount), valueWidth};
}

std::pair<Value, Value> QueryBlocks::split(Value value, int64_t size) {
  VectorEmitter &e = emitter;
  Value divisor = e.index(size);
  return {e.quotient(value, divisor), e.remainder(value, divisor)};
}

SmallVector<Value> QueryBlocks::queryAt(Value query, Value d) {
  VectorEmitter &e = emitter;
  auto [block, place] = split(query, blockSize());
  auto [part, number] = split(d, partSize());
  Value row = e.add(e.mul(part, blockSize()), place);
  return {block, e.add(e.mul(row, partSize()), number)};
}

SmallVector<Value> QueryBlocks::scoreAt(Value key, Value query) {
  VectorEmitter &e = emitter;
  auto [block, place] = split(query, blockSize());
  return {block, e.add(e.mul(key, blockSize()), place)};
}

void QueryBlocks::overBlocks(function_ref<void(Value)> body) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), e.ceilDiv(operands.queries, blockSize()), 1, body);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// scores[q, i] = <key i, query q>.
void QueryBlocks::multiplyKeys(Value count) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), count, keysOfStep(), [&](Value first) {
    if (f32Keys)
      widenKeys(first);
    overBlocks([&](Value block) { multiplyBlock(block, first); });
  });
}

void QueryBlocks::widenKeys(Value first) {
  VectorEmitter &e = emitter;
  for (int64_t i = 0; i < keysOfStep(); ++i)
    widenRow(operands.key, rowOf(e.add(first, i)), f32Keys, e.index(i));
}

/// Where key i of a step is, but for the column.
SmallVector<Value> QueryBlocks::keyRow(Value first, int64_t i) {
  if (f32Keys)
    return {emitter.index(i)};
  return {operands.batch, operands.group, rowOf(emitter.add(first, i))};
}

/// A part of a key, from column d on, for every query of a vector.
Value QueryBlocks::loadPart(ValueRange row, Value d, Value mask) {
  VectorEmitter &e = emitter;
  Value source = f32Keys ? f32Keys : operands.key;
  SmallVector<Value> at(row);
  at.push_back(d);
  Value part = e.loadBits(source, at, partSize(), mask);
  SmallVector<int64_t> from;
  for (int64_t lane = 0; lane < e.lanes() / kPart * partSize(); ++lane)
    from.push_back(lane % partSize());
  return vector::ShuffleOp::create(e.builder, e.loc, part, part, from);
}

/// A vector of sums has a part of each of some queries. Four of them are added
/// up to a vector of scores.
void QueryBlocks::multiplyBlock(Value block, Value first) {
  VectorEmitter &e = emitter;
  int64_t vectors = kPart / keysOfVector();
  SmallVector<SmallVector<Value>> rows;
  for (int64_t i = 0; i < keysOfStep(); ++i)
    rows.push_back(keyRow(first, i));
  auto addTerms = [&](Value d, Value mask, ValueRange carried) {
    SmallVector<Value> numbers, next;
    Value place = e.mul(d, blockSize());
    int64_t ofVector = e.lanes() / kPart * partSize();
    for (int64_t i = 0; i < vectors; ++i)
      numbers.push_back(
          e.loadBits(queries, {block, e.add(place, i * ofVector)}, ofVector));
    for (ValueRange row : rows) {
      Value key = loadPart(row, d, mask);
      for (Value query : numbers)
        next.push_back(e.addProducts(key, query, carried[next.size()]));
    }
    return next;
  };
  Value width = e.size(operands.key, 3);
  Value whole = e.roundDown(width, partSize());
  SmallVector<Value> sums(keysOfStep() * vectors, e.zeros());
  auto addWhole = [&](Value d, ValueRange carried) {
    return addTerms(d, {}, carried);
  };
  auto addRest = [&] {
    auto type = VectorType::get(partSize(), e.builder.getI1Type());
    Value mask = vector::CreateMaskOp::create(e.builder, e.loc, type,
                                              e.sub(width, whole));
    return addTerms(whole, mask, sums);
  };
  sums = e.loop(e.index(0), whole, partSize(), sums, addWhole);
  sums = e.choose(e.lessThan(whole, width), ValueRange(sums).getTypes(),
                  addRest, [&] { return sums; });
  for (int64_t i = 0; i < stepVectors(); ++i) {
    Value place = e.mul(e.add(first, i * keysOfVector()), blockSize());
    Value products = addParts(ArrayRef<Value>(sums).slice(i * kPart, kPart));
    if (scale)
      products = e.mulFloats(products, e.splat(scale));
    e.store(products, scores, {block, place});
  }
}

/// The sums of all parts of four vectors, key by key.
Value QueryBlocks::addParts(ArrayRef<Value> parts) {
  VectorEmitter &e = emitter;
  Value sum = e.sumParts(parts);
  // Lane 4 i + j has part i of vector j.
  int64_t ofVector = e.lanes() / kPart;
  SmallVector<int64_t> from;
  for (int64_t lane = 0; lane < e.lanes(); ++lane)
    from.push_back(lane % ofVector * kPart + lane / ofVector);
  return vector::ShuffleOp::create(e.builder, e.loc, sum, sum, from);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

Value QueryBlocks::combine(Value vector,
                           function_ref<Value(Value, Value)> join) {
  VectorEmitter &e = emitter;
  for (int64_t step = e.lanes() / 2; step >= blockSize(); step /= 2) {
    SmallVector<int64_t> from;
    for (int64_t lane = 0; lane < e.lanes(); ++lane)
      from.push_back(lane ^ step);
    vector = join(vector, vector::ShuffleOp::create(e.builder, e.loc, vector,
                                                    vector, from));
  }
  return vector;
}

Value QueryBlocks::blockMask() {
  if (keysOfVector() == 1)
    return {};
  return emitter.firstLanes(emitter.index(blockSize()));
}

/// The numbers of a block's queries, for every key of a vector.
Value QueryBlocks::loadOfBlock(Value memory, Value row, Value block) {
  VectorEmitter &e = emitter;
  Value vector = e.load(memory, {row, e.mul(block, blockSize())}, blockMask());
  SmallVector<int64_t> from;
  for (int64_t lane = 0; lane < e.lanes(); ++lane)
    from.push_back(lane % blockSize());
  return vector::ShuffleOp::create(e.builder, e.loc, vector, vector, from);
}

void QueryBlocks::storeOfBlock(Value vector, Value memory, Value row,
                               Value block) {
  VectorEmitter &e = emitter;
  e.store(vector, memory, {row, e.mul(block, blockSize())}, blockMask());
}

SmallVector<Value> QueryBlocks::weigh(Value count) {
  overBlocks([&](Value block) { weighBlock(block, count); });
  return {};
}

void QueryBlocks::weighBlock(Value block, Value count) {
  VectorEmitter &e = emitter;
  // Whole steps: behind the last key, scores are -inf.
  int64_t step = kChains * e.lanes();
  Value numbers = e.mul(count, blockSize());
  Value end = e.mul(e.ceilDiv(numbers, step), step);
  e.loop(numbers, end, 1, [&](Value place) {
    e.storeScalar(emit::negativeInfinity(e.builder, e.loc), scores,
                  {block, place});
  });
  auto reduce = [&](Value start, function_ref<Value(Value, Value)> join,
                    function_ref<Value(Value, ValueRange)> read) {
    SmallVector<Value> chains(kChains, start);
    chains = e.loop(e.index(0), end, step, chains,
                    [&](Value place, ValueRange carried) {
                      SmallVector<Value> next;
                      for (auto [i, chain] : llvm::enumerate(carried)) {
                        Value at = e.add(place, i * e.lanes());
                        Value some = e.load(scores, {block, at});
                        next.push_back(join(read(some, {block, at}), chain));
                      }
                      return next;
                    });
    for (int64_t i = 1; i < kChains; ++i)
      chains[0] = join(chains[i], chains[0]);
    return combine(chains[0], join);
  };
  auto larger = [&](Value a, Value b) { return e.maxFloats(a, b); };
  auto add = [&](Value a, Value b) { return e.addFloats(a, b); };

  Value before = loadOfBlock(sums.state, e.index(0), block);
  Value most = reduce(e.minusInfinity(), larger,
                      [](Value score, ValueRange) { return score; });
  Value largest = e.maxFloats(most, before), base = baseOf(largest);
  storeOfBlock(largest, sums.state, e.index(0), block);
  Value total = reduce(e.zeros(), add, [&](Value score, ValueRange at) {
    Value weights = e.expOfNegative(e.subFloats(score, base));
    e.store(weights, scores, at);
    return weights;
  });
  Value decay = e.expOfNegative(e.subFloats(before, base));
  storeOfBlock(decay, factors, e.index(0), block);
  Value sum =
      e.mulAdd(loadOfBlock(sums.state, e.index(1), block), decay, total);
  storeOfBlock(sum, sums.state, e.index(1), block);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// Of a value, at once: sums take half of the registers.
int64_t QueryBlocks::valueVectors() {
  return std::max<int64_t>(emitter.cpu.vectorRegisters / 2 / blockSize(), 1);
}

/// values[q, e] = decay values[q, e] + sum_i weights[q, i] value[i, e].
void QueryBlocks::addValues(Value count, ValueRange, bool keptOnly) {
  VectorEmitter &e = emitter;
  Value width = e.size(operands.value, 3);
  int64_t vectors = valueVectors();
  int64_t step = vectors * e.lanes();
  // Rare: code that is small rather than fast.
  Value whole = keptOnly ? e.index(0) : e.roundDown(width, step);
  overBlocks([&](Value block) {
    auto addWhole = [&](bool asksAhead) {
      e.loop(e.index(0), whole, step, [&](Value first) {
        SmallVector<Value> columns;
        for (int64_t i = 0; i < vectors; ++i)
          columns.push_back(e.add(first, i * e.lanes()));
        addColumns(block, columns, {}, count, keptOnly, asksAhead);
      });
    };
    if (areFar && !keptOnly)
      e.choose(areFar, [&] { addWhole(true); }, [&] { addWhole(false); });
    else if (!keptOnly)
      addWhole(false);
    e.overColumns(whole, width, [&](Value column, Value mask) {
      addColumns(block, {column}, mask, count, keptOnly, false);
    });
  });
}

/// Nobody foresees every eighth line of memory: those of the next tile are
/// asked for while the same ones of this tile are used.
void QueryBlocks::prefetchNext(Value place, Value column) {
  VectorEmitter &e = emitter;
  Value row = rowOf(e.add(place, keyTile()));
  int64_t bits =
      cast<MemRefType>(operands.value.getType()).getElementTypeBitWidth();
  int64_t line = kVectorAlignment * 8 / bits;
  for (int64_t at = 0; at < valueVectors() * e.lanes(); at += line)
    e.prefetch(operands.value,
               {operands.batch, operands.group, row, e.add(column, at)});
}

void QueryBlocks::addColumns(Value block, ValueRange columns, Value mask,
                             Value count, bool keptOnly, bool asksAhead) {
  VectorEmitter &e = emitter;
  auto addOne = [&](Value place, ValueRange carried) {
    SmallVector<Value> values, next;
    Value row = rowOf(place), first = e.mul(place, blockSize());
    if (asksAhead)
      prefetchNext(place, columns[0]);
    for (Value column : columns)
      values.push_back(loadSource(operands.value, row, column, mask));
    for (int64_t query = 0; query < blockSize(); ++query) {
      SmallVector<Value> at{block, e.add(first, query)};
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
  SmallVector<Value> zeros(blockSize() * columns.size(), e.zeros());
  SmallVector<Value> added = e.loop(e.index(0), count, 1, zeros, addOne);
  for (int64_t i = 0; i < blockSize(); ++i) {
    Value query = e.add(e.mul(block, blockSize()), i);
    Value decay = e.splat(e.loadScalar(factors, {e.index(0), query}));
    for (auto [j, column] : llvm::enumerate(columns)) {
      Value before = e.load(sums.values, {query, column}, mask);
      Value sum = e.mulAdd(before, decay, added[i * columns.size() + j]);
      e.store(sum, sums.values, {query, column}, mask);
    }
  }
}
