//===- ExpandAttention.cpp - Attend tile by tile --------------------------===//
#include "AttentionTile.h"
#include "Expansion.h"
#include "MaskTables.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/AttentionOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDATTENTIONPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Tasks that keep the threads of a small machine busy, and keys that are worth
/// a task of their own.
static constexpr int64_t kWantedTasks = 8, kLeastSplit = 1024;

namespace {
/// Attention as tasks: some queries of a key head each, over the keys that
/// their mask leaves.
///
/// The query heads of a key head and their rows are one list, head after head
/// within a row, so that a tile of it reads keys and values once for all heads.
class AttentionExpansion {
public:
  AttentionExpansion(OpBuilder &builder, AttentionOp op, const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op), mask(op.getRootMask()) {}

  void run();

private:
  /// Candidates [low, high): keys, or places in the table of columns.
  struct Segment {
    Value low, high;
    Value isColumns;
  };

  void runTiles(int64_t lanes);
  template <typename Tile> void runSplit(int64_t lanes);
  void beginTask(Value batch, Value group, Value firstQuery, int64_t lanes);
  void listQueries(Value first);
  void attend(AttentionTile &tile, Value split, Value splits);
  void join(AttentionTile &tile, const AttentionTile::Sums &all, Value first,
            Value splits);
  void loadQueries();
  void overSegments(function_ref<void(const Segment &)> body);
  AttentionTile::Operands makeOperands();
  KeyRange inside(const KeyRange &range, Value end);
  void addTile(const Segment &segment, Value first);
  Value listRows(const Segment &segment, Value first);
  Value isWhole(const Segment &segment, Value first, Value count);
  void adjustScores(Value count, Value isWhole);
  void bendScores();
  void storeResults(const AttentionTile::Sums &sums);
  Value clamp(Value value, Value low, Value high) {
    return emitter.min(emitter.max(value, low), high);
  }

  VectorEmitter emitter;
  AttentionOp op;
  MaskOpInterface mask;
  /// Null where the mask has no columns, or keys stand in no order.
  std::optional<MaskTables> tables;
  Value heads, groups, keyHeads, headsOfGroup, rows;

  /// The task: its batch row, key head, tile and queries.
  Value batch, group;
  AttentionTile *tile = nullptr;
  /// [2 tiles of keys], index: the key row of each key of a tile and of the
  /// next one.
  Value keyRows;
  int64_t lanes = 0;
  /// [lanes], index: the query head and row of each lane.
  Value headOf, rowOf;
  /// The lanes with a query, the rows of the first and of the last query, the
  /// end of valid rows, the end of valid keys, and the position of row 0.
  Value laneCount, firstRow, lastRow, queryEnd, keyEnd, offset;
  /// What all queries of the task keep.
  MaskCore core;
};
} // namespace

static Value divide(VectorEmitter &e, Value value, Value divisor) {
  return arith::DivUIOp::create(e.builder, e.loc, value, divisor);
}

static Value remainder(VectorEmitter &e, Value value, Value divisor) {
  return arith::RemUIOp::create(e.builder, e.loc, value, divisor);
}

static Value loadIndex(VectorEmitter &e, Value table, ValueRange place) {
  return memref::LoadOp::create(e.builder, e.loc, table, place);
}

static void storeIndex(VectorEmitter &e, Value number, Value table,
                       ValueRange place) {
  memref::StoreOp::create(e.builder, e.loc, number, table, place);
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void AttentionExpansion::run() {
  VectorEmitter &e = emitter;
  heads = e.size(op.getQuery(), 1);
  groups = e.size(op.getKey(), 1);
  // Without heads there are no tasks, and no division by 0 either.
  headsOfGroup = e.max(divide(e, heads, e.max(groups, e.index(1))), e.index(1));
  keyHeads = e.select(e.equal(heads, e.index(0)), e.index(0), groups);
  rows = e.mul(e.size(op.getQuery(), 2), headsOfGroup);
  if (mask && mask.hasColumns() && !op.getKeyPositions())
    tables = emitMaskTables(e, mask, e.size(op.getQuery(), 0),
                            e.size(op.getKey(), 2));
  auto hasUpTo = [&](int64_t count) {
    return e.lessEqual(rows, e.index(count));
  };
  auto runOne = [&] { runSplit<KeysAlongVectors>(1); };
  auto runVector = [&] { runSplit<QueriesAlongVectors>(e.lanes()); };
  auto runMany = [&] { runTiles(e.cpu.queryVectors() * e.lanes()); };
  auto runSome = [&] { e.choose(hasUpTo(e.lanes()), runVector, runMany); };
  e.choose(hasUpTo(1), runOne, runSome);
  op.erase();
}

/// A task for every tile of queries, over all of its keys.
void AttentionExpansion::runTiles(int64_t laneCount) {
  VectorEmitter &e = emitter;
  Value tiles = e.ceilDiv(rows, laneCount);
  e.parallel({e.size(op.getQuery(), 0), keyHeads, tiles}, [&](ValueRange at) {
    // The last tiles may have many more keys than the first ones. Taking from
    // both ends in turn gives every thread as many.
    Value half = divide(e, at[2], e.index(2));
    Value isOdd = e.equal(remainder(e, at[2], e.index(2)), e.index(1));
    Value fromEnd = e.sub(e.sub(tiles, e.index(1)), half);
    Value number = e.select(isOdd, fromEnd, half);
    beginTask(at[0], at[1], e.mul(number, laneCount), laneCount);
    QueriesAlongVectors shape(e, {}, {}, laneCount);
    Type f32 = e.builder.getF32Type();
    AttentionTile::Sums sums{
        e.scratch(shape.sumSizes(e.size(op.getValue(), 3)), f32),
        e.scratch({e.fixed(2), e.fixed(laneCount)}, f32)};
    QueriesAlongVectors queries(e, makeOperands(), sums, laneCount);
    attend(queries, e.index(0), e.index(1));
    storeResults(sums);
  });
}

/// One tile of queries a key head. Its keys are split over several tasks, so
/// that all threads read, and the parts are joined.
template <typename Tile> void AttentionExpansion::runSplit(int64_t laneCount) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  Value batches = e.size(op.getQuery(), 0), keys = e.size(op.getKey(), 2);
  Value tiles = e.mul(batches, keyHeads);
  Value wanted = arith::CeilDivUIOp::create(
      e.builder, e.loc, e.index(kWantedTasks), e.max(tiles, e.index(1)));
  Value splits = e.max(e.min(wanted, e.ceilDiv(keys, kLeastSplit)), e.index(1));
  SmallVector<OpFoldResult> sizes =
      Tile(e, {}, {}, laneCount).sumSizes(e.size(op.getValue(), 3));
  OpFoldResult parts = e.mul(tiles, splits);
  AttentionTile::Sums all{
      e.scratch({parts, sizes[0], sizes[1]}, f32),
      e.scratch({parts, e.fixed(2), e.fixed(laneCount)}, f32)};
  auto firstPart = [&](ValueRange at) {
    return e.mul(e.add(e.mul(at[0], keyHeads), at[1]), splits);
  };
  auto slice = [&](Value part) {
    return AttentionTile::Sums{e.slice(all.values, part),
                               e.slice(all.state, part)};
  };
  e.parallel({batches, keyHeads, splits}, [&](ValueRange at) {
    beginTask(at[0], at[1], e.index(0), laneCount);
    Tile queries(e, makeOperands(), slice(e.add(firstPart(at), at[2])),
                 laneCount);
    attend(queries, at[2], splits);
  });
  e.parallel({batches, keyHeads}, [&](ValueRange at) {
    beginTask(at[0], at[1], e.index(0), laneCount);
    Tile queries(e, {}, {}, laneCount);
    tile = &queries;
    join(queries, all, firstPart(at), splits);
    storeResults(slice(firstPart(at)));
  });
}

AttentionTile::Operands AttentionExpansion::makeOperands() {
  keyRows = emitter.scratch(emitter.fixed(emitter.cpu.keyTile()),
                            emitter.builder.getIndexType());
  return {batch, group, op.getKey(), op.getValue(), keyRows};
}

void AttentionExpansion::beginTask(Value batchRow, Value keyHead, Value first,
                                   int64_t queryLanes) {
  VectorEmitter &e = emitter;
  batch = batchRow;
  group = keyHead;
  lanes = queryLanes;
  laneCount = e.min(e.index(lanes), e.sub(rows, first));
  firstRow = divide(e, first, headsOfGroup);
  // Without queries there is no last one, and no task but those of a split.
  Value last = e.add(first, e.max(e.sub(laneCount, e.index(1)), e.index(0)));
  lastRow = divide(e, last, headsOfGroup);
  queryEnd = op.emitQueryEnd(e.builder, batch);
  // Queries of the padding alone have no keys.
  keyEnd = e.select(e.lessThan(firstRow, queryEnd),
                    op.emitKeyEnd(e.builder, batch), e.index(0));
  offset = op.emitOffset(e.builder, batch);
  listQueries(first);
}

/// Which query each lane has. Behind the last query, that one is computed
/// again.
void AttentionExpansion::listQueries(Value first) {
  VectorEmitter &e = emitter;
  Type index = e.builder.getIndexType();
  headOf = e.scratch(e.fixed(lanes), index);
  rowOf = e.scratch(e.fixed(lanes), index);
  e.loop(e.index(0), e.index(lanes), 1, [&](Value lane) {
    Value query =
        e.min(e.add(first, lane), e.max(e.sub(rows, e.index(1)), e.index(0)));
    Value head =
        e.add(e.mul(group, headsOfGroup), remainder(e, query, headsOfGroup));
    storeIndex(e, head, headOf, lane);
    storeIndex(e, divide(e, query, headsOfGroup), rowOf, lane);
  });
}

/// Adds the keys of one of `splits` shares of every segment.
void AttentionExpansion::attend(AttentionTile &queries, Value split,
                                Value splits) {
  VectorEmitter &e = emitter;
  tile = &queries;
  tile->makeScratch(e.size(op.getQuery(), 3));
  loadQueries();
  tile->begin();
  QueryRange range{batch, e.add(offset, firstRow), e.add(offset, lastRow)};
  if (mask && !op.getKeyPositions())
    core = mask.emitCore(e.builder, e.loc, range);
  overSegments([&](const Segment &whole) {
    Value length = e.sub(whole.high, whole.low);
    auto end = [&](Value number) {
      return e.add(whole.low, divide(e, e.mul(length, number), splits));
    };
    Segment share{end(split), end(e.add(split, 1)), whole.isColumns};
    e.loop(share.low, share.high, e.cpu.keyTile(),
           [&](Value first) { addTile(share, first); });
  });
}

/// queries[d, lane] = scale query[d] of the lane's query.
void AttentionExpansion::loadQueries() {
  VectorEmitter &e = emitter;
  Value scale = op.emitScale(e.builder);
  e.loop(e.index(0), laneCount, 1, [&](Value lane) {
    Value head = loadIndex(e, headOf, lane), row = loadIndex(e, rowOf, lane);
    e.loop(e.index(0), e.size(op.getQuery(), 3), 1, [&](Value d) {
      Value number = e.loadScalar(op.getQuery(), {batch, head, row, d});
      e.storeScalar(e.mulFloats(number, scale), tile->queries,
                    tile->queryAt(lane, d));
    });
  });
  // Lanes without a query have one of zeros.
  e.loop(laneCount, e.index(lanes), 1, [&](Value lane) {
    e.loop(e.index(0), e.size(op.getQuery(), 3), 1, [&](Value d) {
      e.storeScalar(emit::f32(e.builder, e.loc, 0), tile->queries,
                    tile->queryAt(lane, d));
    });
  });
}

/// The softmax over the keys of all parts, in place of the first one.
void AttentionExpansion::join(AttentionTile &queries,
                              const AttentionTile::Sums &all, Value first,
                              Value splits) {
  VectorEmitter &e = emitter;
  Value end = e.add(first, splits), zero = emit::f32(e.builder, e.loc, 0);
  Value none = emit::negativeInfinity(e.builder, e.loc);
  e.loop(e.index(0), laneCount, 1, [&](Value lane) {
    auto state = [&](Value part, int64_t which) {
      return SmallVector<Value>{part, e.index(which), lane};
    };
    Value largest =
        e.loop(first, end, 1, none, [&](Value part, ValueRange carried) {
          Value some = e.loadScalar(all.state, state(part, 0));
          return SmallVector<Value>{e.maxFloats(some, carried[0])};
        })[0];
    Value base = e.select(e.equalFloats(largest, none), zero, largest);
    auto addPart = [&](Value part, ValueRange carried) {
      Value some = e.loadScalar(all.state, state(part, 0));
      Value factor =
          math::ExpOp::create(e.builder, e.loc, e.subFloats(some, base));
      Value isFirst = e.equal(part, first);
      e.loop(e.index(0), e.size(op.getValue(), 3), 1, [&](Value column) {
        SmallVector<Value> at = queries.sumAt(lane, column);
        SmallVector<Value> from{part, at[0], at[1]}, to{first, at[0], at[1]};
        Value more = e.mulFloats(e.loadScalar(all.values, from), factor);
        Value before = e.select(isFirst, zero, e.loadScalar(all.values, to));
        e.storeScalar(e.addFloats(before, more), all.values, to);
      });
      Value total = e.loadScalar(all.state, state(part, 1));
      return SmallVector<Value>{
          e.addFloats(carried[0], e.mulFloats(total, factor))};
    };
    Value total = e.loop(first, end, 1, zero, addPart)[0];
    e.storeScalar(largest, all.state, state(first, 0));
    e.storeScalar(total, all.state, state(first, 1));
  });
}

//===----------------------------------------------------------------------===//
// Which keys
//===----------------------------------------------------------------------===//

KeyRange AttentionExpansion::inside(const KeyRange &range, Value end) {
  Value low = clamp(range.low, emitter.index(0), end);
  return {low, clamp(range.high, low, end)};
}

/// Segments without a common key that hold all keys the queries can keep: the
/// band, and the columns before and behind it.
void AttentionExpansion::overSegments(
    function_ref<void(const Segment &)> body) {
  VectorEmitter &e = emitter;
  Value zero = e.index(0), no = emit::boolean(e.builder, e.loc, false);
  // Bands are ranges of positions, which are indices by default only.
  if (!mask || op.getKeyPositions())
    return body({zero, keyEnd, no});
  Value lastValid = e.min(lastRow, e.sub(queryEnd, e.index(1)));
  MaskSupport support = mask.emitSupport(
      e.builder, e.loc,
      {batch, e.add(offset, firstRow), e.add(offset, lastValid)});
  KeyRange band = inside(support.band.value_or(KeyRange{zero, zero}), keyEnd);
  if (!tables)
    return body({band.low, band.high, no});
  KeyRange hull = inside(support.hull, keyEnd);
  auto columnsBefore = [&](Value key) {
    return loadIndex(e, tables->before, {batch, key});
  };
  Value gapLow = clamp(band.low, hull.low, hull.high);
  Value gapHigh = clamp(band.high, gapLow, hull.high);
  // One loop over the three, so that the code of a tile is there once.
  Value lows[] = {columnsBefore(hull.low), band.low, columnsBefore(gapHigh)};
  Value highs[] = {columnsBefore(gapLow), band.high, columnsBefore(hull.high)};
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

/// Writes the key rows of the candidates from `first` on into the scratch, and
/// returns how many they are. Places behind them have the last one's row.
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
  if (!tables)
    list(false);
  else
    e.choose(segment.isColumns, [&] { list(true); }, [&] { list(false); });
  return e.min(e.index(e.cpu.keyTile()), e.sub(segment.high, first));
}

/// Whether every query of the task keeps every key of a tile. The rows of a
/// tile are in ascending order.
Value AttentionExpansion::isWhole(const Segment &segment, Value first,
                                  Value count) {
  VectorEmitter &e = emitter;
  if (op.getKeyPositions())
    return emit::boolean(e.builder, e.loc, false);
  if (!mask)
    return emit::boolean(e.builder, e.loc, true);
  auto pick = [&](Value ofColumns, Value ofBand) {
    return tables ? e.select(segment.isColumns, ofColumns, ofBand) : ofBand;
  };
  Value low = pick(core.columns.low, core.band.low);
  Value high = pick(core.columns.high, core.band.high);
  Value lowest = loadIndex(e, keyRows, e.index(0));
  Value highest = loadIndex(e, keyRows, e.sub(count, e.index(1)));
  return emit::logicalAnd(e.builder, e.loc, e.lessEqual(low, lowest),
                          e.lessThan(highest, high));
}

void AttentionExpansion::addTile(const Segment &segment, Value first) {
  Value count = listRows(segment, first);
  Value whole = isWhole(segment, first, count);
  tile->addKeys(count, whole, [&] {
    if (op.getSoftcapAttr() && op.getScore().empty())
      bendScores();
    adjustScores(count, whole);
  });
}

//===----------------------------------------------------------------------===//
// Scores and results
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
  Value positions = op.getKeyPositions();
  Value none = emit::negativeInfinity(e.builder, e.loc);
  Value one = emit::f32(e.builder, e.loc, 1);
  Value zero = emit::f32(e.builder, e.loc, 0);
  auto adjustOne = [&](Value place, Value keyRow, Value keyPosition,
                       Value lane) {
    Value row = loadIndex(e, rowOf, lane);
    MaskPoint point{batch,  loadIndex(e, headOf, lane),
                    row,    e.add(offset, row),
                    keyRow, keyPosition};
    Value kept = mask ? mask.emitKeep(e.builder, e.loc, point)
                      : emit::boolean(e.builder, e.loc, true);
    if (positions) {
      Value isAbsent = e.equal(keyPosition, e.index(-1));
      kept = emit::logicalAnd(e.builder, e.loc, kept,
                              emit::logicalNot(e.builder, e.loc, isAbsent));
    }
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
      Value keyRow = loadIndex(e, keyRows, place), position = keyRow;
      if (positions)
        position =
            emit::loadIndex(e.builder, e.loc, positions, {batch, keyRow});
      // Lanes without a query repeat the last one.
      e.loop(e.index(0), e.index(lanes), 1,
             [&](Value lane) { adjustOne(place, keyRow, position, lane); });
    });
  };
  if (hasRegion)
    adjustAll();
  else
    e.choose(emit::logicalNot(e.builder, e.loc, whole), adjustAll);
}

/// Writes means and log-sum-exps; without any weight 0 and -inf.
void AttentionExpansion::storeResults(const AttentionTile::Sums &sums) {
  VectorEmitter &e = emitter;
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value none = emit::negativeInfinity(e.builder, e.loc);
  e.loop(e.index(0), laneCount, 1, [&](Value lane) {
    Value head = loadIndex(e, headOf, lane), row = loadIndex(e, rowOf, lane);
    Value total = e.loadScalar(sums.state, {e.index(1), lane});
    Value isEmpty =
        emit::logicalOr(e.builder, e.loc, e.equalFloats(total, zero),
                        e.lessEqual(queryEnd, row));
    Value factor = e.divFloats(emit::f32(e.builder, e.loc, 1), total);
    e.loop(e.index(0), e.size(op.getValue(), 3), 1, [&](Value column) {
      Value sum = e.loadScalar(sums.values, tile->sumAt(lane, column));
      Value mean = e.select(isEmpty, zero, e.mulFloats(sum, factor));
      e.storeScalar(mean, op.getOut(), {batch, head, row, column});
    });
    if (!op.getLse())
      return;
    Value largest = e.loadScalar(sums.state, {e.index(0), lane});
    Value lse =
        e.addFloats(largest, math::LogOp::create(e.builder, e.loc, total));
    e.storeScalar(e.select(isEmpty, none, lse), op.getLse(),
                  {batch, head, row});
  });
}

namespace {
struct ExpandAttentionPass
    : ExpansionPass<effattn::impl::ExpandAttentionPassBase,
                    ExpandAttentionPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    forEachOnBuffers<AttentionOp>(getOperation(),
                                  [&](OpBuilder &builder, AttentionOp op) {
                                    AttentionExpansion(builder, op, cpu).run();
                                  });
  }
};
} // namespace
