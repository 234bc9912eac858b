//===- ExpandAttention.cpp - Attend tile by tile --------------------------===//
#include "AttentionExpansion.h"
#include "Expansion.h"
#include "effattn/CodeGen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
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
/// Tasks that keep them busy where tasks take different time.
static constexpr int64_t kUnevenTasks = 32;

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void AttentionExpansion::run() {
  VectorEmitter &e = emitter;
  // Rows are read by vectors.
  op.getQueryMutable().assign(e.contiguous(op.getQuery()));
  op.getKeyMutable().assign(e.contiguous(op.getKey()));
  op.getValueMutable().assign(e.contiguous(op.getValue()));
  heads = e.size(op.getQuery(), 1);
  groups = e.size(op.getKey(), 1);
  // Without heads there are no tasks, and no division by 0 either.
  headsOfGroup =
      e.max(e.quotient(heads, e.max(groups, e.index(1))), e.index(1));
  keyHeads = e.select(e.equal(heads, e.index(0)), e.index(0), groups);
  rows = e.mul(e.size(op.getQuery(), 2), headsOfGroup);
  if (KeptKeys::hasTables(op))
    tables = emitMaskTables(e, op.getRootMask(), e.size(op.getQuery(), 0),
                            e.size(op.getKey(), 2));
  auto hasUpTo = [&](int64_t count) {
    return e.lessEqual(rows, e.index(count));
  };
  auto runOne = [&] { runSplit<KeysAlongVectors>(1); };
  auto runFew = [&] { runSplit<QueryBlocks>(QueryBlocks::kMost); };
  auto runMany = [&] { runTiles(e.cpu.queryVectors() * e.lanes()); };
  auto runSome = [&] {
    e.choose(hasUpTo(QueryBlocks::kMost), runFew, runMany);
  };
  e.choose(hasUpTo(1), runOne, runSome);
  op.erase();
}

/// How many of `tiles` tiles of queries a task takes: keys and values that do
/// not fit a cache are read once for all of them.
Value AttentionExpansion::tilesOfTask(Value tiles) {
  VectorEmitter &e = emitter;
  // The gathered keys of neighbouring tiles are different ones.
  if (tables)
    return e.index(1);
  Value width = e.add(e.size(op.getQuery(), 3), e.size(op.getValue(), 3));
  Value bytes = e.mul(e.max(width, e.index(1)), lanes * sizeof(float));
  Value fitting = e.quotient(e.index(e.cpu.secondCache() / 4), bytes);
  Value most = e.min(fitting, e.index(e.cpu.queryTiles()));
  return clamp(e.quotient(tiles, e.index(kUnevenTasks)), e.index(1),
               e.max(most, e.index(1)));
}

/// A task for some tiles of queries, over all of their keys.
void AttentionExpansion::runTiles(int64_t laneCount) {
  VectorEmitter &e = emitter;
  lanes = laneCount;
  Value batches = e.size(op.getQuery(), 0), tiles = e.ceilDiv(rows, lanes);
  Value height = tilesOfTask(e.mul(e.mul(batches, keyHeads), tiles));
  Value tasks = e.ceilDiv(tiles, height);
  e.parallel({batches, keyHeads, tasks}, [&](ValueRange at) {
    // The last tasks may have many more keys than the first ones. Taking from
    // both ends in turn gives every thread as many.
    Value half = e.quotient(at[2], 2);
    Value isOdd = e.equal(e.remainder(at[2], 2), e.index(1));
    Value fromEnd = e.sub(e.sub(tasks, e.index(1)), half);
    Value first = e.mul(e.select(isOdd, fromEnd, half), height);
    beginTask(at[0], at[1], laneCount);
    attendTiles(first, e.min(height, e.sub(tiles, first)), height);
  });
}

/// Tiles from `first` on, which take turns with every tile of keys.
void AttentionExpansion::attendTiles(Value first, Value tiles, Value height) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type(), index = e.builder.getIndexType();
  QueriesAlongVectors shape(e, makeOperands(), {}, lanes);
  auto scratch = [&](ArrayRef<OpFoldResult> sizes, Type element) {
    SmallVector<OpFoldResult> all{height};
    llvm::append_range(all, sizes);
    return e.scratch(all, element);
  };
  Tiles all{scratch(shape.querySizes(e.size(op.getQuery(), 3)), f32),
            scratch(shape.sumSizes(e.size(op.getValue(), 3)), f32),
            scratch({e.fixed(2), e.fixed(lanes)}, f32),
            scratch(e.fixed(lanes), index), scratch(e.fixed(lanes), index)};
  Value factors = e.scratch(e.fixed(lanes), f32);
  Value scale = op.emitScale(e.builder);
  shape.makeScratch(e.size(op.getQuery(), 3));
  tile = &shape;
  Value firstQuery = e.mul(first, lanes);
  AttentionTile::Sums sums;
  auto overTiles = [&](function_ref<void(Value)> body) {
    e.loop(e.index(0), tiles, 1, [&](Value number) {
      Queries whole = queries;
      Value query = e.add(firstQuery, e.mul(number, lanes));
      setQueries(query, e.min(e.index(lanes), e.sub(rows, query)));
      // Lanes without a query repeat the last one, and write the same.
      queries.count = e.index(lanes);
      queries.headOf = e.slice(all.headOf, number);
      queries.rowOf = e.slice(all.rowOf, number);
      sums = {e.slice(all.values, number), e.slice(all.state, number)};
      shape.use(e.slice(all.queries, number), sums);
      body(query);
      queries = whole;
    });
  };
  overTiles([&](Value query) {
    listQueries(query);
    shape.loadQueries(op.getQuery(), queries.headOf, queries.rowOf, scale);
    tile->begin();
  });
  Value many = e.mul(tiles, lanes);
  setQueries(firstQuery, e.min(many, e.sub(rows, firstQuery)));
  overSegments([&](const Segment &segment) {
    e.loop(segment.low, segment.high, tile->keyTile(), [&](Value firstKey) {
      Value count = listRows(segment, firstKey);
      tile->convertKeys(count);
      overTiles([&](Value) {
        clipKeys(firstKey, count, [&](Value some) { addKeys(segment, some); });
      });
    });
  });
  overTiles([&](Value) {
    e.loop(e.index(0), queries.count, 1, [&](Value lane) {
      e.storeScalar(finish(sums, lane), factors, lane);
    });
    shape.storeMeans(op.getOut(), queries.headOf, queries.rowOf, factors);
  });
}

/// One tile of queries a key head. Its keys are split over several tasks, so
/// that all threads read, and the parts are joined.
template <typename Tile> void AttentionExpansion::runSplit(int64_t laneCount) {
  VectorEmitter &e = emitter;
  Type f32 = e.builder.getF32Type();
  Value batches = e.size(op.getQuery(), 0), keys = e.size(op.getKey(), 2);
  Value tiles = e.mul(batches, keyHeads);
  Value wanted = e.ceilDiv(e.index(kWantedTasks), e.max(tiles, e.index(1)));
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
  Value isSplit = e.lessThan(e.index(1), splits);
  Value isWhole = emit::logicalNot(e.builder, e.loc, isSplit);
  e.parallel({batches, keyHeads, splits}, [&](ValueRange at) {
    beginTask(at[0], at[1], laneCount);
    setOnlyTile();
    AttentionTile::Sums part = slice(e.add(firstPart(at), at[2]));
    Tile some(e, makeOperands(), part, laneCount);
    attend(some, at[2], splits);
    e.choose(isWhole, [&] { storeResults(part); });
  });
  auto joinParts = [&](ValueRange at) {
    beginTask(at[0], at[1], laneCount);
    setOnlyTile();
    Tile some(e,
              {batch, group, op.getQuery(), op.getKey(), op.getValue(), {}, {}},
              {}, laneCount);
    tile = &some;
    join(some, all, firstPart(at), splits);
    storeResults(slice(firstPart(at)));
  };
  // Another parallel loop costs as much as some hundred keys.
  e.choose(isSplit, [&] { e.parallel({batches, keyHeads}, joinParts); });
}

AttentionTile::Operands AttentionExpansion::makeOperands() {
  if (tables)
    keyRows = emitter.scratch(emitter.fixed(emitter.cpu.keyTile()),
                              emitter.builder.getIndexType());
  return {batch,         group,   op.getQuery(), op.getKey(),
          op.getValue(), keyRows, queries.count};
}

void AttentionExpansion::beginTask(Value batchRow, Value keyHead,
                                   int64_t queryLanes) {
  batch = batchRow;
  group = keyHead;
  lanes = queryLanes;
}

/// `count` queries from `first` on.
void AttentionExpansion::setQueries(Value first, Value count) {
  VectorEmitter &e = emitter;
  queries.count = count;
  // Without queries there is no last one, and no task but those of a split.
  Value last = e.add(first, e.max(e.sub(count, e.index(1)), e.index(0)));
  queries.rows = keptKeys.rowsOf(batch, e.quotient(first, headsOfGroup),
                                 e.quotient(last, headsOfGroup));
}

/// The one tile of a split, whose scratch is its own.
void AttentionExpansion::setOnlyTile() {
  VectorEmitter &e = emitter;
  setQueries(e.index(0), e.min(e.index(lanes), rows));
  Type index = e.builder.getIndexType();
  queries.headOf = e.scratch(e.fixed(lanes), index);
  queries.rowOf = e.scratch(e.fixed(lanes), index);
  listQueries(e.index(0));
}

/// Which query each lane has. Behind the last query, that one is computed
/// again.
void AttentionExpansion::listQueries(Value first) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), e.index(lanes), 1, [&](Value lane) {
    Value query =
        e.min(e.add(first, lane), e.max(e.sub(rows, e.index(1)), e.index(0)));
    Value head =
        e.add(e.mul(group, headsOfGroup), e.remainder(query, headsOfGroup));
    storeIndex(e, head, queries.headOf, lane);
    storeIndex(e, e.quotient(query, headsOfGroup), queries.rowOf, lane);
  });
}

/// Adds the keys of one of `splits` shares of every segment.
void AttentionExpansion::attend(AttentionTile &some, Value split,
                                Value splits) {
  VectorEmitter &e = emitter;
  tile = &some;
  tile->makeScratch(e.size(op.getQuery(), 3));
  loadQueries();
  tile->begin();
  overSegments([&](const Segment &whole) {
    Value length = e.sub(whole.high, whole.low);
    auto end = [&](Value number) {
      return e.add(whole.low, e.quotient(e.mul(length, number), splits));
    };
    Segment share{end(split), end(e.add(split, 1)), whole.isColumns};
    e.loop(share.low, share.high, tile->keyTile(), [&](Value first) {
      Value count = listRows(share, first);
      tile->convertKeys(count);
      addKeys(share, count);
    });
  });
}

/// queries[d, lane] = scale query[d] of the lane's query.
void AttentionExpansion::loadQueries() {
  VectorEmitter &e = emitter;
  Value scale = op.emitScale(e.builder);
  if (tile->scalesScores())
    tile->scale = scale;
  e.loop(e.index(0), queries.count, 1, [&](Value lane) {
    Value head = loadIndex(e, queries.headOf, lane),
          row = loadIndex(e, queries.rowOf, lane);
    e.loop(e.index(0), e.size(op.getQuery(), 3), 1, [&](Value d) {
      Value number = e.loadScalar(op.getQuery(), {batch, head, row, d});
      e.storeScalar(tile->scale ? number : e.mulFloats(number, scale),
                    tile->queries, tile->queryAt(lane, d));
    });
  });
  // Lanes without a query have one of zeros.
  e.loop(queries.count, e.index(lanes), 1, [&](Value lane) {
    e.loop(e.index(0), e.size(op.getQuery(), 3), 1, [&](Value d) {
      e.storeScalar(emit::f32(e.builder, e.loc, 0), tile->queries,
                    tile->queryAt(lane, d));
    });
  });
}

/// The softmax over the keys of all parts, in place of the first one.
void AttentionExpansion::join(AttentionTile &shape,
                              const AttentionTile::Sums &all, Value first,
                              Value splits) {
  VectorEmitter &e = emitter;
  Value end = e.add(first, splits), zero = emit::f32(e.builder, e.loc, 0);
  Value none = emit::negativeInfinity(e.builder, e.loc);
  e.loop(e.index(0), queries.count, 1, [&](Value lane) {
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
        SmallVector<Value> at = shape.sumAt(lane, column);
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
// Results
//===----------------------------------------------------------------------===//

/// Writes the log-sum-exp of a lane's query, and returns the factor that makes
/// its sums means: without any weight, these are -inf and 0.
Value AttentionExpansion::finish(const AttentionTile::Sums &sums, Value lane) {
  VectorEmitter &e = emitter;
  Value zero = emit::f32(e.builder, e.loc, 0);
  Value row = loadIndex(e, queries.rowOf, lane);
  Value total = e.loadScalar(sums.state, {e.index(1), lane});
  Value isEmpty = emit::logicalOr(e.builder, e.loc, e.equalFloats(total, zero),
                                  e.lessEqual(queries.rows.queryEnd, row));
  if (op.getLse()) {
    Value none = emit::negativeInfinity(e.builder, e.loc);
    Value largest = e.loadScalar(sums.state, {e.index(0), lane});
    Value lse =
        e.addFloats(largest, math::LogOp::create(e.builder, e.loc, total));
    e.storeScalar(e.select(isEmpty, none, lse), op.getLse(),
                  {batch, loadIndex(e, queries.headOf, lane), row});
  }
  return e.select(isEmpty, zero,
                  e.divFloats(emit::f32(e.builder, e.loc, 1), total));
}

/// Writes means and log-sum-exps of the one tile of a split.
void AttentionExpansion::storeResults(const AttentionTile::Sums &sums) {
  VectorEmitter &e = emitter;
  Value zero = emit::f32(e.builder, e.loc, 0);
  e.loop(e.index(0), queries.count, 1, [&](Value lane) {
    Value head = loadIndex(e, queries.headOf, lane),
          row = loadIndex(e, queries.rowOf, lane);
    Value factor = finish(sums, lane), isEmpty = e.equalFloats(factor, zero);
    e.loop(e.index(0), e.size(op.getValue(), 3), 1, [&](Value column) {
      Value sum = e.loadScalar(sums.values, tile->sumAt(lane, column));
      Value mean = e.select(isEmpty, zero, e.mulFloats(sum, factor));
      e.storeScalar(mean, op.getOut(), {batch, head, row, column});
    });
  });
}

void effattn::expand(OpBuilder &builder, AttentionOp op, const CpuModel &cpu) {
  AttentionExpansion(builder, op, cpu).run();
}

namespace {
struct ExpandAttentionPass
    : ExpansionPass<effattn::impl::ExpandAttentionPassBase,
                    ExpandAttentionPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) { expandEach<AttentionOp>(cpu); }
};
} // namespace
