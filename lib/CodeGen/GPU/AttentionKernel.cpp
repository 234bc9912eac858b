//===- AttentionKernel.cpp - A block of queries over the keys they keep ---===//
#include "AttentionKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// What a block attends to
//===----------------------------------------------------------------------===//

/// The list of a block begins inside of a row; what comes after is small enough
/// for 32 bits. Slots without a query have the last one.
BlockQueries::Place BlockQueries::at(KernelEmitter &e, Value slot) const {
  Type i32 = e.builder.getI32Type();
  auto narrow = [&](Value value) {
    return emit::fromIndex(e.builder, e.loc, value, i32);
  };
  slot = e.min(slot, e.sub(count, e.index(1)));
  Value number = narrow(e.add(firstHead, slot)), heads = narrow(headsOfGroup);
  Value row = emit::toIndex(e.builder, e.loc, e.quotient(number, heads));
  Value head = emit::toIndex(e.builder, e.loc, e.remainder(number, heads));
  return {e.add(e.mul(group, headsOfGroup), head), e.add(firstRow, row)};
}

/// Scales that keep the order of scores can wait until their largest is known.
static bool mayScaleLate(AttentionOp op) {
  if (op.getSoftcapAttr() || !op.getScore().empty())
    return false;
  FloatAttr scale = op.getScaleAttr();
  float value = scale ? float(scale.getValueAsDouble()) : 1.0f;
  return value > 0 && std::isfinite(value);
}

AttentionKernel::AttentionKernel(KernelEmitter &emitter,
                                 const AttentionCall &call,
                                 const AttentionTiling &tiling)
    : e(emitter), call(call), op(call.op), tiling(tiling),
      keptKeys(emitter, op), areScaledLate(mayScaleLate(op)) {}

void AttentionKernel::locate() {
  Value batches = e.size(call.query, 0);
  SmallVector<Value> at =
      e.split(e.block(), {batches, call.keyHeads, call.columnTiles,
                          call.queryTiles, call.splits});
  split = at[4];
  firstColumn = e.mul(at[2], tiling.columns);
  // Where later queries have more keys, blocks with much to do begin first.
  Value tile = e.sub(e.sub(call.queryTiles, e.index(1)), at[3]);
  Value first = e.mul(tile, tiling.queries);
  queries.batch = at[0];
  queries.group = at[1];
  queries.headsOfGroup = call.headsOfGroup;
  queries.count = e.min(e.index(tiling.queries), e.sub(call.queries, first));
  queries.firstRow = e.quotient(first, call.headsOfGroup);
  queries.firstHead = e.remainder(first, call.headsOfGroup);
  Value last = e.add(first, e.sub(queries.count, e.index(1)));
  rows = keptKeys.rowsOf(at[0], queries.firstRow,
                         e.quotient(last, call.headsOfGroup));
}

/// Columns beside the band come first, then the band. Splits take turns.
void AttentionKernel::listTiles() {
  KeySupport support = keptKeys.support(rows);
  band = support.band;
  auto length = [&](const KeyRange &range) {
    return e.sub(range.high, range.low);
  };
  Value tiles = e.ceilDiv(length(band), tiling.keys);
  if (call.tables) {
    std::tie(before, behind) =
        keptKeys.columnsBeside(*call.tables, rows, support);
    columnCount = e.add(length(before), length(behind));
    columnTiles = e.ceilDiv(columnCount, tiling.keys);
    tiles = e.add(tiles, columnTiles);
  }
  auto end = [&](Value number) {
    return e.quotient(e.mul(tiles, number), call.splits);
  };
  firstTile = end(split);
  lastTile = end(e.add(split, 1));
}

KeyTile AttentionKernel::tileAt(Value number) {
  KeyTile tile;
  Value inBand = number, end = band.high, bandStart = band.low;
  if (call.tables) {
    tile.areColumns = e.lessThan(number, columnTiles);
    inBand = e.select(tile.areColumns, number, e.sub(number, columnTiles));
    bandStart = e.select(tile.areColumns, e.index(0), band.low);
    end = e.select(tile.areColumns, columnCount, band.high);
  }
  tile.first = e.add(bandStart, e.mul(inBand, tiling.keys));
  Value count = e.min(e.index(tiling.keys), e.sub(end, tile.first));
  tile.count = e.select(e.lessThan(number, lastTile), count, e.index(0));
  return tile;
}

Value AttentionKernel::rowOf(const KeyTile &tile, Value place) {
  Value candidate = e.add(tile.first, place);
  if (!call.tables)
    return candidate;
  auto columnRow = [&]() -> SmallVector<Value> {
    Value beside = e.sub(candidate, e.sub(before.high, before.low));
    Value isBefore = e.lessThan(beside, e.index(0));
    Value column = e.select(isBefore, e.add(before.low, candidate),
                            e.add(behind.low, beside));
    return {emit::loadIndex(e.builder, e.loc, call.tables->columns,
                            {queries.batch, column})};
  };
  // Threads of a block agree, and behind the last column there is nothing to
  // load.
  Value isColumn = emit::logicalAnd(e.builder, e.loc, tile.areColumns,
                                    e.isBelow(place, tile.count));
  return e.choose(isColumn, e.builder.getIndexType(), columnRow,
                  [&] { return SmallVector<Value>{candidate}; })[0];
}

/// Keys that `key_positions` declares absent may hold anything.
Value AttentionKernel::exists(const KeyTile &tile, Value place) {
  Value isInside = e.isBelow(place, tile.count);
  if (!op.getKeyPositions())
    return isInside;
  auto isPresent = [&]() -> SmallVector<Value> {
    Value position = keptKeys.positionOf(queries.batch, rowOf(tile, place));
    return {emit::logicalNot(e.builder, e.loc, e.equal(position, e.index(-1)))};
  };
  return e.choose(isInside, e.builder.getI1Type(), isPresent, [&] {
    return SmallVector<Value>{emit::boolean(e.builder, e.loc, false)};
  })[0];
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionKernel::finalScores(ValueRange found,
                                                const KeyTile &tile) {
  SmallVector<Value> scores(found);
  if (!areScaledLate)
    for (Value &score : scores)
      score = e.mulFloats(score, scale);
  if (op.getScore().empty() && op.getSoftcapAttr())
    for (Value &score : scores)
      score = op.emitFinalScore(e.builder, score, MaskPoint());
  if (!op.getScore().empty())
    return keptScores(scores, tile);
  Value isFull = e.equal(tile.count, e.index(tiling.keys));
  Value isWhole = emit::logicalAnd(
      e.builder, e.loc, isFull,
      keptKeys.keepsAll(rows, tile.areColumns, rowOf(tile, e.index(0)),
                        rowOf(tile, e.sub(tile.count, e.index(1)))));
  return e.choose(
      isWhole, ValueRange(scores).getTypes(), [&] { return scores; },
      [&] { return keptScores(scores, tile); });
}

/// Scores of kept keys, through the score region, and -inf for the others.
SmallVector<Value> AttentionKernel::keptScores(ValueRange scores,
                                               const KeyTile &tile) {
  struct Key {
    Value isInside, row, position;
  };
  SmallVector<Key> keys;
  Value last = e.sub(tile.count, e.index(1));
  for (int64_t k = 0; k < products->keys(); ++k) {
    Value place = products->keyAt(k);
    Value row = rowOf(tile, e.min(place, last));
    keys.push_back({e.isBelow(place, tile.count), row,
                    keptKeys.positionOf(queries.batch, row)});
  }
  Value none = emit::negativeInfinity(e.builder, e.loc);
  SmallVector<Value> result;
  for (int64_t q = 0; q < products->queries(); ++q) {
    auto [head, row] = queries.at(e, products->queryAt(q));
    for (const Key &key : keys) {
      MaskPoint point{queries.batch,           head,    row,
                      e.add(rows.offset, row), key.row, key.position};
      Value kept = emit::logicalAnd(e.builder, e.loc, key.isInside,
                                    keptKeys.isKept(point));
      Value score = scores[result.size()];
      if (op.getScore().empty()) {
        result.push_back(e.select(kept, score, none));
        continue;
      }
      // The region runs for kept keys only.
      kept = emit::logicalAnd(e.builder, e.loc, kept,
                              e.lessThan(row, rows.queryEnd));
      result.push_back(e.choose(
          kept, e.builder.getF32Type(),
          [&, point = point]() -> SmallVector<Value> {
            return {op.emitFinalScore(e.builder, score, point)};
          },
          [&] { return SmallVector<Value>{none}; })[0]);
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// The running softmax
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionKernel::State::list() const {
  SmallVector<Value> all(sums);
  llvm::append_range(all, largest);
  llvm::append_range(all, total);
  llvm::append_range(all, far);
  return all;
}

AttentionKernel::State AttentionKernel::State::with(ValueRange list) const {
  ValueRange rest = list.drop_front(sums.size());
  return {SmallVector<Value>(list.take_front(sums.size())),
          SmallVector<Value>(rest.take_front(largest.size())),
          SmallVector<Value>(rest.slice(largest.size(), total.size())),
          SmallVector<Value>(rest.drop_front(2 * largest.size()))};
}

AttentionKernel::State AttentionKernel::begin() {
  Value zero = emit::f32(e.builder, e.loc, 0);
  int64_t count = products->queries();
  return {SmallVector<Value>(count * products->columns(), zero),
          SmallVector<Value>(count, emit::negativeInfinity(e.builder, e.loc)),
          SmallVector<Value>(count, zero),
          SmallVector<Value>(sumsFar() ? 2 * count : 0, zero)};
}

/// What makes the largest score's weight 1. 0 where there is no score: -inf -
/// -inf would be NaN.
Value AttentionKernel::shiftOf(Value largest) {
  Value isNone =
      e.equalFloats(largest, emit::negativeInfinity(e.builder, e.loc));
  Value base = e.select(isNone, emit::f32(e.builder, e.loc, 0), largest);
  return arith::NegFOp::create(e.builder, e.loc,
                               e.mulFloats(base, exponentScale));
}

Value AttentionKernel::weightOf(Value score, Value shift) {
  return e.exp2(e.mulAdd(score, exponentScale, shift));
}

/// Those of the q-th query, if there are any.
static MutableArrayRef<Value> farOf(SmallVector<Value> &far, int64_t q) {
  return far.empty() ? MutableArrayRef<Value>()
                     : MutableArrayRef(far).slice(2 * q, 2);
}

SmallVector<Value> AttentionKernel::weigh(State &state, ValueRange scores) {
  int64_t keys = products->keys(), columns = products->columns();
  SmallVector<Value> weights;
  for (int64_t q = 0; q < products->queries(); ++q) {
    ValueRange row = scores.slice(q * keys, keys);
    Value largest = row.front();
    for (Value score : row.drop_front())
      largest = e.maxNumber(largest, score);
    for (int64_t lane : products->keyLanes())
      largest = e.maxNumber(largest, e.shuffleXor(largest, lane));
    Value before = state.largest[q];
    state.largest[q] = e.maxNumber(before, largest);
    Value shift = shiftOf(state.largest[q]);
    Value decay = weightOf(before, shift), sum;
    for (Value score : row) {
      weights.push_back(weightOf(score, shift));
      sum = sum ? e.addFloats(sum, weights.back()) : weights.back();
    }
    state.total[q] = e.mulAdd(state.total[q], decay, sum);
    for (Value &far : farOf(state.far, q))
      far = e.mulFloats(far, decay);
    for (int64_t c = 0; c < columns; ++c) {
      Value &number = state.sums[q * columns + c];
      number = e.mulFloats(number, decay);
    }
  }
  return weights;
}

void AttentionKernel::add(State &state, const KeyTile &tile) {
  SmallVector<Value> scores = products->multiplyKeys(tile);
  TileSide side;
  if (call.relative) {
    side = sideOf(tile);
    scores = addKeyProducts(scores, tile, side);
  }
  scores = finalScores(scores, tile);
  SmallVector<Value> weights = weigh(state, scores);
  if (sumsFar()) {
    storeNearScores(scores, tile, side);
    addFarWeights(state, weights, tile, side);
  }
  state.sums = products->addValues(tile, weights, state.sums);
}

void AttentionKernel::joinLanes(State &state) {
  for (SmallVector<Value> *sums : {&state.total, &state.far})
    for (Value &sum : *sums)
      for (int64_t lane : products->keyLanes())
        sum = e.addFloats(sum, e.shuffleXor(sum, lane));
}

/// Adds up what the warps of the same queries have, after which each of them
/// has some columns of the sums.
void AttentionKernel::joinWarps(State &state) {
  int64_t warps = products->keyWarps(), queries = products->queries();
  columnShift = e.index(0);
  if (warps == 1)
    return;
  int64_t columns = products->columns();
  // In pairs of columns, which stay together.
  int64_t share = (columns / 2 + warps - 1) / warps * 2;
  Type f32 = e.builder.getF32Type();
  Value numbers = e.dynamicShared(
      0,
      {warps, queries * (share * warps + 2) + int64_t(state.far.size()),
       kWarpThreads},
      f32);
  Value lane = e.lane(), warp = e.warp();
  auto at = [&](Value of, Value number) {
    return SmallVector<Value>{of, number, lane};
  };
  auto write = [&](Value number, int64_t place) {
    memref::StoreOp::create(e.builder, e.loc, number, numbers,
                            at(warp, e.index(place)));
  };
  auto sumOver = [&](Value place) {
    Value sum;
    for (int64_t of = 0; of < warps; ++of) {
      Value part =
          emit::load(e.builder, e.loc, numbers, at(e.index(of), place));
      sum = sum ? e.addFloats(sum, part) : part;
    }
    return sum;
  };
  int64_t first = queries * share * warps, firstFar = first + 2 * queries;
  for (int64_t q = 0; q < queries; ++q)
    write(state.largest[q], first + q);
  e.barrier();
  for (int64_t q = 0; q < queries; ++q) {
    Value largest = state.largest[q];
    for (int64_t of = 0; of < warps; ++of)
      largest =
          e.maxNumber(largest, emit::load(e.builder, e.loc, numbers,
                                          at(e.index(of), e.index(first + q))));
    Value shift = shiftOf(largest);
    Value factor = weightOf(state.largest[q], shift);
    state.largest[q] = largest;
    write(e.mulFloats(state.total[q], factor), first + queries + q);
    for (auto [side, far] : llvm::enumerate(farOf(state.far, q)))
      write(e.mulFloats(far, factor), firstFar + 2 * q + side);
    for (int64_t c = 0; c < share * warps; ++c)
      write(c < columns ? e.mulFloats(state.sums[q * columns + c], factor)
                        : emit::f32(e.builder, e.loc, 0),
            q * share * warps + c);
  }
  e.barrier();
  Value mine = e.mul(warp, share);
  state.sums.clear();
  for (int64_t q = 0; q < queries; ++q) {
    state.total[q] = sumOver(e.index(first + queries + q));
    for (auto [side, far] : llvm::enumerate(farOf(state.far, q)))
      far = sumOver(e.index(firstFar + 2 * q + side));
    for (int64_t c = 0; c < share; ++c)
      state.sums.push_back(sumOver(e.add(mine, q * share * warps + c)));
  }
  columnShift = products->reach(mine);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The results of the thread's q-th query.
AttentionKernel::Row AttentionKernel::rowOfState(const State &state,
                                                 int64_t q) {
  int64_t columns = state.sums.size() / products->queries();
  Row row{{}, {}, state.largest[q], state.total[q], {}};
  if (sumsFar())
    row.far.assign(state.far.begin() + 2 * q, state.far.begin() + 2 * q + 2);
  Value first = e.add(firstColumn, columnShift);
  for (int64_t c = 0; c < columns; ++c) {
    row.columns.push_back(e.add(first, products->columnAt(c)));
    row.sums.push_back(state.sums[q * columns + c]);
  }
  return row;
}

void AttentionKernel::storeMeans(const Row &row, Value isEmpty,
                                 Value destination, ValueRange leading) {
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value factor = e.divFloats(emit::f32(e.builder, e.loc, 1), row.total);
  Value end = e.size(op.getValue(), 3);
  for (auto [column, sum] : llvm::zip(row.columns, row.sums)) {
    SmallVector<Value> to(leading);
    to.push_back(column);
    Value mean = e.select(isEmpty, zero, e.mulFloats(sum, factor));
    e.choose(e.lessThan(column, end),
             [&] { e.storeFloat(mean, destination, to); });
  }
  if (sumsFar())
    storeFar(row, isEmpty, factor, destination, leading);
}

/// By the thread that has the first column.
void AttentionKernel::storeLse(const Row &row, Value isEmpty, Value destination,
                               ValueRange to) {
  Value largest = areScaledLate ? e.mulFloats(row.largest, scale) : row.largest;
  Value lse =
      e.addFloats(largest, math::LogOp::create(e.builder, e.loc, row.total));
  Value none = emit::negativeInfinity(e.builder, e.loc);
  e.choose(e.equal(row.columns.front(), e.index(0)), [&] {
    e.storeFloat(e.select(isEmpty, none, lse), destination, to);
  });
}

/// Writes means, and the log-sum-exp, of a query, to the results or as a part.
void AttentionKernel::store(const Row &row, const BlockQueries::Place &place) {
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value isEmpty =
      emit::logicalOr(e.builder, e.loc, e.equalFloats(row.total, zero),
                      e.lessEqual(rows.queryEnd, place.row));
  SmallVector<Value> at{queries.batch, place.head, place.row};
  auto storeResults = [&] {
    storeMeans(row, isEmpty, op.getOut(), at);
    if (op.getLse())
      storeLse(row, isEmpty, op.getLse(), at);
  };
  auto storePart = [&] {
    SmallVector<Value> part(at);
    part.push_back(split);
    storeMeans(row, isEmpty, call.partMeans, part);
    storeLse(row, isEmpty, call.partLse, part);
  };
  if (!call.partMeans)
    return storeResults();
  e.choose(e.lessThan(e.index(1), call.splits), storePart, storeResults);
}

void AttentionKernel::store(State &state) {
  joinLanes(state);
  joinWarps(state);
  for (int64_t q = 0; q < products->queries(); ++q) {
    Value slot = products->queryAt(q);
    e.choose(e.isBelow(slot, queries.count),
             [&] { store(rowOfState(state, q), queries.at(e, slot)); });
  }
}

//===----------------------------------------------------------------------===//
// A block
//===----------------------------------------------------------------------===//

AttentionKernel::State AttentionKernel::addTiles() {
  State state = begin();
  auto addTile = [&](Value number, ValueRange carried) {
    State next = state.with(carried);
    products->advance(e.sub(number, firstTile), tileAt(e.add(number, 1)));
    add(next, tileAt(number));
    return next.list();
  };
  products->begin(tileAt(firstTile));
  state = state.with(e.loop(firstTile, lastTile, 1, state.list(), addTile));
  products->finish();
  return state;
}

void AttentionKernel::emit(MakeProducts make) {
  locate();
  listTiles();
  scale = op.emitScale(e.builder);
  Value log2E = emit::f32(e.builder, e.loc, llvm::numbers::log2e);
  exponentScale = areScaledLate ? e.mulFloats(scale, log2E) : log2E;
  auto made = make(
      {call.query, call.key, call.value, queries,
       [this](const KeyTile &tile, Value place) { return rowOf(tile, place); },
       [this](const KeyTile &tile, Value place) { return exists(tile, place); },
       firstColumn});
  products = made.get();
  State state = addTiles();
  // Without a mask all queries keep the same keys.
  if (!op.getRootMask())
    return store(state);
  e.choose(
      isTainted(state),
      [&] {
        e.loop(e.warp(), queries.count, e.warps(),
               [&](Value slot) { attendPlainly(slot); });
      },
      [&] { store(state); });
}
