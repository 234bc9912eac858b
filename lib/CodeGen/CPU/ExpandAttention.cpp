//===- ExpandAttention.cpp - Attend tile by tile --------------------------===//
#include "AttentionTile.h"
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

  void runTasks(int64_t vectors);
  void runTask(Value batch, Value group, Value tile, int64_t vectors);
  AttentionTile::Scratch makeScratch();
  void listQueries(Value first);
  void attend();
  void loadQueries();
  void overSegments(function_ref<void(const Segment &)> body);
  KeyRange inside(const KeyRange &range, Value end);
  void addTile(const Segment &segment, Value first);
  Value listRows(const Segment &segment, Value first);
  Value isWhole(const Segment &segment, Value first, Value count);
  void adjustScores(Value count, Value isWhole);
  void bendScores(Value count);
  void storeResults();
  Value clamp(Value value, Value low, Value high) {
    return emitter.min(emitter.max(value, low), high);
  }

  VectorEmitter emitter;
  AttentionOp op;
  MaskOpInterface mask;
  /// Null where the mask has no columns, or keys stand in no order.
  std::optional<MaskTables> tables;
  Value heads, groups, headsOfGroup, rows;

  /// The task: its batch row, key head, scratch and queries.
  Value batch, group;
  AttentionTile::Scratch scratch;
  AttentionTile *tile = nullptr;
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
  rows = e.mul(e.size(op.getQuery(), 2), headsOfGroup);
  Value fewRows = e.lessEqual(rows, e.index(e.lanes()));
  if (mask && mask.hasColumns() && !op.getKeyPositions())
    tables = emitMaskTables(e, mask, e.size(op.getQuery(), 0),
                            e.size(op.getKey(), 2));
  e.choose(fewRows, [&] { runTasks(1); }, [&] { runTasks(3); });
  op.erase();
}

void AttentionExpansion::runTasks(int64_t vectors) {
  VectorEmitter &e = emitter;
  Value tiles = e.ceilDiv(rows, vectors * e.lanes());
  Value keyHeads = e.select(e.equal(heads, e.index(0)), e.index(0), groups);
  e.parallel({e.size(op.getQuery(), 0), keyHeads, tiles}, [&](ValueRange at) {
    // The last tiles may have many more keys than the first ones. Taking from
    // both ends in turn gives every thread as many.
    Value half = divide(e, at[2], e.index(2));
    Value isOdd = e.equal(remainder(e, at[2], e.index(2)), e.index(1));
    Value fromEnd = e.sub(e.sub(tiles, e.index(1)), half);
    runTask(at[0], at[1], e.select(isOdd, fromEnd, half), vectors);
  });
}

AttentionTile::Scratch AttentionExpansion::makeScratch() {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type(), index = e.builder.getIndexType();
  constexpr int64_t kKeys = AttentionTile::kKeys, kRows = AttentionTile::kRows;
  Value width = e.size(op.getQuery(), 3);
  Value valueWidth = e.size(op.getValue(), 3);
  Value sumRows = e.mul(e.ceilDiv(valueWidth, kRows), kRows);
  auto converted = [&](Value memory, Value columns) -> Value {
    if (cast<MemRefType>(memory.getType()).getElementType() == f32)
      return {};
    return e.scratch({e.fixed(kKeys), columns}, f32);
  };
  OpFoldResult queries = e.fixed(lanes);
  return {e.scratch({width, queries}, f32),
          e.scratch({e.fixed(kKeys), queries}, f32),
          e.scratch({e.fixed(kKeys), queries}, f32),
          e.scratch({sumRows, queries}, f32),
          e.scratch({e.fixed(2), queries}, f32),
          e.scratch(e.fixed(kKeys), index),
          converted(op.getKey(), width),
          converted(op.getValue(), valueWidth)};
}

void AttentionExpansion::runTask(Value batchRow, Value keyHead, Value number,
                                 int64_t vectors) {
  VectorEmitter &e = emitter;
  batch = batchRow;
  group = keyHead;
  lanes = vectors * e.lanes();
  Value first = e.mul(number, lanes);
  laneCount = e.min(e.index(lanes), e.sub(rows, first));
  firstRow = divide(e, first, headsOfGroup);
  lastRow = divide(e, e.add(first, e.sub(laneCount, e.index(1))), headsOfGroup);
  queryEnd = op.emitQueryEnd(e.builder, batch);
  // Queries of the padding alone have no keys.
  keyEnd = e.select(e.lessThan(firstRow, queryEnd),
                    op.emitKeyEnd(e.builder, batch), e.index(0));
  offset = op.emitOffset(e.builder, batch);
  scratch = makeScratch();
  listQueries(first);
  AttentionTile queries(e, vectors, {batch, group, op.getKey(), op.getValue()},
                        scratch);
  tile = &queries;
  attend();
}

/// Which query each lane has. Behind the last query, that one is computed
/// again.
void AttentionExpansion::listQueries(Value first) {
  VectorEmitter &e = emitter;
  Type index = e.builder.getIndexType();
  headOf = e.scratch(e.fixed(lanes), index);
  rowOf = e.scratch(e.fixed(lanes), index);
  e.loop(e.index(0), e.index(lanes), 1, [&](Value lane) {
    Value query = e.min(e.add(first, lane), e.sub(rows, e.index(1)));
    Value head =
        e.add(e.mul(group, headsOfGroup), remainder(e, query, headsOfGroup));
    storeIndex(e, head, headOf, lane);
    storeIndex(e, divide(e, query, headsOfGroup), rowOf, lane);
  });
}

void AttentionExpansion::attend() {
  VectorEmitter &e = emitter;
  loadQueries();
  tile->begin();
  QueryRange queries{batch, e.add(offset, firstRow), e.add(offset, lastRow)};
  if (mask && !op.getKeyPositions())
    core = mask.emitCore(e.builder, e.loc, queries);
  overSegments([&](const Segment &segment) {
    e.loop(segment.low, segment.high, AttentionTile::kKeys,
           [&](Value first) { addTile(segment, first); });
  });
  tile->end();
  storeResults();
}

/// queries[d, lane] = scale query[d] of the lane's query.
void AttentionExpansion::loadQueries() {
  VectorEmitter &e = emitter;
  Value scale = op.emitScale(e.builder);
  e.loop(e.index(0), e.index(lanes), 1, [&](Value lane) {
    Value head = loadIndex(e, headOf, lane), row = loadIndex(e, rowOf, lane);
    e.loop(e.index(0), e.size(op.getQuery(), 3), 1, [&](Value d) {
      Value number = e.loadScalar(op.getQuery(), {batch, head, row, d});
      e.storeScalar(e.mulFloats(number, scale), scratch.queries, {d, lane});
    });
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
    e.loop(e.index(0), e.index(AttentionTile::kKeys), 1, [&](Value place) {
      Value row = e.min(e.add(first, place), last);
      if (areColumns)
        row = loadIndex(e, tables->columns, {batch, row});
      storeIndex(e, row, scratch.rows, place);
    });
  };
  if (!tables)
    list(false);
  else
    e.choose(segment.isColumns, [&] { list(true); }, [&] { list(false); });
  return e.min(e.index(AttentionTile::kKeys), e.sub(segment.high, first));
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
  Value lowest = loadIndex(e, scratch.rows, e.index(0));
  Value highest = loadIndex(e, scratch.rows, e.sub(count, e.index(1)));
  return emit::logicalAnd(e.builder, e.loc, e.lessEqual(low, lowest),
                          e.lessThan(highest, high));
}

void AttentionExpansion::addTile(const Segment &segment, Value first) {
  Value count = listRows(segment, first);
  Value whole = isWhole(segment, first, count);
  tile->addKeys(count, whole, [&] {
    if (op.getSoftcapAttr() && op.getScore().empty())
      bendScores(count);
    adjustScores(count, whole);
  });
}

//===----------------------------------------------------------------------===//
// Scores and results
//===----------------------------------------------------------------------===//

/// x = softcap tanh(x / softcap).
void AttentionExpansion::bendScores(Value count) {
  VectorEmitter &e = emitter;
  Value cap = e.splat(op.getSoftcapAttr().getValueAsDouble());
  e.loop(e.index(0), count, 1, [&](Value place) {
    e.loop(e.index(0), e.index(lanes), e.lanes(), [&](Value lane) {
      Value score = e.load(scratch.scores, {place, lane});
      Value bent = e.mulFloats(cap, e.tanh(e.divFloats(score, cap)));
      e.store(bent, scratch.scores, {place, lane});
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
    Value score = e.loadScalar(scratch.scores, {place, lane});
    if (hasRegion)
      score = op.emitFinalScore(e.builder, score, point);
    e.storeScalar(e.select(kept, score, none), scratch.scores, {place, lane});
    e.storeScalar(e.select(kept, one, zero), scratch.kept, {place, lane});
  };
  auto adjustAll = [&] {
    e.loop(e.index(0), count, 1, [&](Value place) {
      Value keyRow = loadIndex(e, scratch.rows, place), position = keyRow;
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

void AttentionExpansion::storeResults() {
  VectorEmitter &e = emitter;
  Value zero = emit::f32(e.builder, e.loc, 0);
  e.loop(e.index(0), laneCount, 1, [&](Value lane) {
    Value head = loadIndex(e, headOf, lane), row = loadIndex(e, rowOf, lane);
    Value isValid = e.lessThan(row, queryEnd);
    e.loop(e.index(0), e.size(op.getValue(), 3), 1, [&](Value column) {
      Value mean = e.loadScalar(scratch.sums, {column, lane});
      e.storeScalar(e.select(isValid, mean, zero), op.getOut(),
                    {batch, head, row, column});
    });
    if (!op.getLse())
      return;
    Value largest = e.loadScalar(scratch.state, {e.index(0), lane});
    Value total = e.loadScalar(scratch.state, {e.index(1), lane});
    Value lse =
        e.addFloats(largest, math::LogOp::create(e.builder, e.loc, total));
    Value isEmpty = e.equalFloats(total, zero);
    Value none = emit::negativeInfinity(e.builder, e.loc);
    lse = e.select(isEmpty, none, lse);
    e.storeScalar(e.select(isValid, lse, none), op.getLse(),
                  {batch, head, row});
  });
}

namespace {
struct ExpandAttentionPass
    : effattn::impl::ExpandAttentionPassBase<ExpandAttentionPass> {
  using Base::Base;

  void runOnOperation() override {
    CpuModel cpu;
    cpu.vectorBits = vectorBits;
    cpu.vectorRegisters = vectorRegisters;
    SmallVector<AttentionOp> ops;
    getOperation()->walk([&](AttentionOp op) {
      if (op.hasPureBufferSemantics())
        ops.push_back(op);
    });
    for (AttentionOp op : ops) {
      OpBuilder builder(op);
      AttentionExpansion(builder, op, cpu).run();
    }
  }
};
} // namespace
