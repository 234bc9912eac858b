//===- CacheUpdateKernels.cpp - Append, attend, compact, in rounds --------===//
//
// Between two compactions of a row its tokens are alike: in a round, each row
// takes as many as there are until the next one. Rows need not be compacted in
// the same rounds. With `after_attention` a round appends, attends and
// compacts. With `before_attention` the token that fills a row attends behind
// the compaction, so that a round begins with that token, if it is one, and
// goes on with those that fit behind it.
//
//===----------------------------------------------------------------------===//
#include "CacheKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
class UpdateKernels {
public:
  UpdateKernels(OpBuilder &builder, SeparatorCacheUpdateOp op)
      : host(builder, op.getLoc()), op(op), layout(SeparatorLayout::of(op)),
        tokens(NewTokens::of(op)), cache(CacheMemory::of(op)),
        rows(host.size(op.getLength(), 0)) {}

  void build();

private:
  bool isBefore() { return layout.when == CompactionTime::BeforeAttention; }
  bool mayBeWhole() { return op.getPrefill() == Prefill::Whole; }
  /// At most one token of each row.
  bool isSingle() {
    int64_t count = cast<MemRefType>(op.getK().getType()).getDimSize(2);
    return !ShapedType::isDynamic(count) && count <= 1;
  }
  Value index(LoopEmitter &e, Value memory, Value row) {
    return emit::loadIndex(e.builder, e.loc, memory, row);
  }
  Value load(LoopEmitter &e, Value memory, Value row) {
    return emit::load(e.builder, e.loc, memory, row);
  }
  void overRows(function_ref<void(LoopEmitter &e, Value row)> body);

  void begin();
  void end();
  Value countRounds();
  Value slotsOf(LoopEmitter &e, Value row);
  /// The next tokens of a row: `room` of them, or all of a whole row.
  TokenRange nextTokens(LoopEmitter &e, Value row,
                        function_ref<Value(Value length)> room,
                        bool ofWholeRows);
  TokenRange untilFull(LoopEmitter &e, Value row);
  TokenRange filling(LoopEmitter &e, Value row);
  TokenRange fitting(LoopEmitter &e, Value row);
  /// Appends tokens, counts them, and tells `body` what came of it.
  void
  take(Value most, TokenRange (UpdateKernels::*rangeOf)(LoopEmitter &, Value),
       function_ref<void(LoopEmitter &e, Value row, const TokenRange &range)>
           body);
  void beginRound(LoopEmitter &e, Value row, const TokenRange &range);
  void round();

  LoopEmitter host;
  SeparatorCacheUpdateOp op;
  SeparatorLayout layout;
  NewTokens tokens;
  CacheMemory cache;
  Value rows;
  /// At most so many tokens of a row in a round.
  Value most;
  /// [B]: tokens taken so far, the first query of a round and how many there
  /// are, i32; and whether a row is compacted in a round, and is taken whole,
  /// i1.
  Value taken, first, count, due, whole;
  std::optional<CompactionKernels> compaction;
  std::optional<CacheAttentionKernels> attention;
};
} // namespace

/// A thread a row.
void UpdateKernels::overRows(function_ref<void(LoopEmitter &, Value)> body) {
  emitParallel(host.builder, host.loc, rows,
               [&](OpBuilder &nested, ValueRange row) {
                 LoopEmitter e(nested, host.loc);
                 body(e, row[0]);
               });
}

static void storeFlag(LoopEmitter &e, Value flag, Value memory, Value row) {
  memref::StoreOp::create(e.builder, e.loc, flag, memory, row);
}

//===----------------------------------------------------------------------===//
// Tokens of a round
//===----------------------------------------------------------------------===//

TokenRange UpdateKernels::nextTokens(LoopEmitter &e, Value row,
                                     function_ref<Value(Value)> room,
                                     bool ofWholeRows) {
  Value length = index(e, cache.length, row), start = index(e, taken, row);
  Value rest = e.sub(tokens.count(e, row), start);
  Value isWhole = load(e, whole, row);
  Value most = e.select(isWhole, ofWholeRows ? rest : e.index(0), room(length));
  return {start, e.min(rest, most), length};
}

/// Up to the one that makes a compaction due, which attends before it.
TokenRange UpdateKernels::untilFull(LoopEmitter &e, Value row) {
  auto room = [&](Value length) {
    return e.max(e.sub(e.index(layout.capacity + 1), length), e.index(1));
  };
  return nextTokens(e, row, room, /*ofWholeRows=*/true);
}

/// The one that makes a compaction due, if it is the next.
TokenRange UpdateKernels::filling(LoopEmitter &e, Value row) {
  auto room = [&](Value length) {
    return e.select(e.lessEqual(e.index(layout.capacity), e.add(length, 1)),
                    e.index(1), e.index(0));
  };
  return nextTokens(e, row, room, /*ofWholeRows=*/false);
}

/// Those in front of it.
TokenRange UpdateKernels::fitting(LoopEmitter &e, Value row) {
  auto room = [&](Value length) {
    return e.max(e.sub(e.index(layout.capacity - 1), length), e.index(0));
  };
  return nextTokens(e, row, room, /*ofWholeRows=*/true);
}

void UpdateKernels::take(
    Value most, TokenRange (UpdateKernels::*rangeOf)(LoopEmitter &, Value),
    function_ref<void(LoopEmitter &, Value, const TokenRange &)> body) {
  launchAppend(
      host, tokens, cache, most, /*isRing=*/false,
      [&](LoopEmitter &e, Value row) { return (this->*rangeOf)(e, row); });
  overRows([&](LoopEmitter &e, Value row) {
    TokenRange range = (this->*rangeOf)(e, row);
    storeOfRow(e, cache.length, row, e.add(range.entry, range.count));
    storeOfRow(e, taken, row, e.add(range.first, range.count));
    body(e, row, range);
  });
}

//===----------------------------------------------------------------------===//
// Rounds
//===----------------------------------------------------------------------===//

/// The queries of a row are the tokens that it has taken, and the last of them
/// may have filled it.
void UpdateKernels::beginRound(LoopEmitter &e, Value row,
                               const TokenRange &range) {
  storeOfRow(e, first, row, range.first);
  storeOfRow(e, count, row, range.count);
  Value isPart = emit::logicalNot(e.builder, e.loc, load(e, whole, row));
  Value hasTaken = emit::logicalAnd(e.builder, e.loc, isPart,
                                    e.lessThan(e.index(0), range.count));
  Value isFull = compaction->isFull(e, e.add(range.entry, range.count));
  storeFlag(e, emit::logicalAnd(e.builder, e.loc, hasTaken, isFull), due, row);
}

void UpdateKernels::round() {
  auto begin = [&](LoopEmitter &e, Value row, const TokenRange &range) {
    beginRound(e, row, range);
  };
  auto attend = [&] {
    if (attention)
      attention->attend();
  };
  auto compact = [&] {
    compaction->launch(
        [&](LoopEmitter &e, Value row) { return load(e, due, row); });
  };
  if (!isBefore()) {
    take(most, &UpdateKernels::untilFull, begin);
    attend();
    return compact();
  }
  take(host.index(1), &UpdateKernels::filling, begin);
  compact();
  take(most, &UpdateKernels::fitting,
       [&](LoopEmitter &e, Value row, const TokenRange &range) {
         addToRow(e, count, row, range.count);
       });
  attend();
}

/// In a round but the first, a row takes all tokens between two compactions;
/// in the first, one at least.
Value UpdateKernels::countRounds() {
  int64_t kept = layout.initial + layout.separators + layout.window;
  int64_t spare = layout.capacity - kept;
  int64_t step = isBefore() ? std::max<int64_t>(spare, 1) : spare + 1;
  Value longest = host.size(op.getK(), 2), one = host.index(1);
  // A whole row takes one round.
  if (mayBeWhole() && !isSingle())
    longest = host.loop(
        host.index(0), rows, 1, one, [&](Value row, ValueRange before) {
          Value all = tokens.count(host, row);
          Value isEmpty =
              host.equal(index(host, cache.length, row), host.index(0));
          return SmallVector<Value>{
              host.max(before[0], host.select(isEmpty, one, all))};
        })[0];
  return host.ceilDiv(host.add(longest, step - 1), step);
}

/// At most, whatever it takes.
Value UpdateKernels::slotsOf(LoopEmitter &e, Value row) {
  Value length = index(e, cache.length, row);
  Value ofSteps = e.add(e.max(length, e.index(layout.capacity)), 1);
  return e.select(load(e, whole, row), tokens.count(e, row), ofSteps);
}

void UpdateKernels::begin() {
  auto allocate = [&](int64_t bits) -> Value {
    auto type = MemRefType::get(ShapedType::kDynamic,
                                host.builder.getIntegerType(bits));
    return memref::AllocOp::create(host.builder, host.loc, type, rows);
  };
  for (Value *number : {&taken, &first, &count})
    *number = allocate(32);
  for (Value *flag : {&due, &whole})
    *flag = allocate(1);
  overRows([&](LoopEmitter &e, Value row) {
    storeOfRow(e, taken, row, e.index(0));
    Value isWhole = emit::boolean(e.builder, e.loc, false);
    if (mayBeWhole())
      isWhole = e.equal(index(e, cache.length, row), e.index(0));
    storeFlag(e, isWhole, whole, row);
  });
  Value all = host.size(op.getK(), 2);
  most = mayBeWhole() ? all : host.min(all, host.index(layout.capacity + 1));
  compaction.emplace(host, layout, cache);
  if (!op.getQ())
    return;
  CacheQueries queries;
  queries.lengths = count;
  queries.most = most;
  queries.first = isSingle() ? Value() : first;
  attention.emplace(host, op, queries);
  attention->prepare(
      [&](LoopEmitter &e, Value row) { return slotsOf(e, row); });
  if (queries.first && op.getLengths())
    attention->clear(op.getLengths());
}

void UpdateKernels::end() {
  if (attention)
    attention->free();
  compaction->free();
  for (Value memory : {taken, first, count, due, whole})
    memref::DeallocOp::create(host.builder, host.loc, memory);
}

void UpdateKernels::build() {
  begin();
  host.loop(host.index(0), countRounds(), 1, [&](Value) { round(); });
  end();
  op.erase();
}

void effattn::buildCacheUpdate(OpBuilder &builder, SeparatorCacheUpdateOp op) {
  UpdateKernels(builder, op).build();
}
