//===- CacheKernels.h - Kernels that ops on caches share ------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_CACHEKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_CACHEKERNELS_H

#include "RotaryKernels.h"
#include "effattn/Dialect/CacheOps.h"

#include <functional>

namespace mlir::effattn {

/// The memory of a cache; only one of separators has flags and an end.
struct CacheMemory {
  Value keys, values, length, flags, separatorEnd;

  static CacheMemory of(KvCacheAppendOp op) {
    return {op.getKeys(), op.getValues(), op.getLength(), Value(), Value()};
  }
  template <typename Op> static CacheMemory of(Op op) {
    return {op.getKeys(), op.getValues(), op.getLength(), op.getStateFlags(),
            op.getSeparatorEnd()};
  }
};

/// What an op puts into a cache. Without `lengths` all tokens of a row are new.
struct NewTokens {
  Value k, v, flags, lengths;

  static NewTokens of(KvCacheAppendOp op) {
    return {op.getK(), op.getV(), Value(), op.getLengths()};
  }
  template <typename Op> static NewTokens of(Op op) {
    return {op.getK(), op.getV(), op.getFlags(), op.getLengths()};
  }
  Value count(LoopEmitter &e, Value row) const;
};

/// The tokens [first, first + count) of a row, which become entries from
/// `entry` on.
struct TokenRange {
  Value first, count, entry;
};

using RangeOfRow = std::function<TokenRange(LoopEmitter &e, Value row)>;
using RowCondition = std::function<Value(LoopEmitter &e, Value row)>;

/// Adds to an integer of a row in memory, or writes one.
void addToRow(LoopEmitter &e, Value memory, Value row, Value number);
void storeOfRow(LoopEmitter &e, Value memory, Value row, Value number);

/// Launches the copy of at most `most` tokens of every row to the cache.
/// Lengths stay as they are. In a ring, the entry behind the last is the first.
void launchAppend(LoopEmitter &host, const NewTokens &tokens,
                  const CacheMemory &cache, Value most, bool isRing,
                  const RangeOfRow &rangeOf);

/// The compaction of rows of a separator cache.
class CompactionKernels {
public:
  CompactionKernels(LoopEmitter &host, const SeparatorLayout &layout,
                    const CacheMemory &cache);
  void free();

  /// i1: a row of so many entries is compacted.
  Value isFull(LoopEmitter &e, Value length) const;
  /// Launches the compaction of the rows that are due.
  void launch(const RowCondition &isDue);

private:
  /// Separators of a row that are kept, all entries that move to places behind
  /// the initial ones, and where the window begins.
  struct Plan {
    Value kept, moved, window;
  };

  void planRow(KernelEmitter &e, const RowCondition &isDue);
  Plan findSeparators(KernelEmitter &e, Value row, Value length);
  void moveFlags(KernelEmitter &e, Value row, const Plan &plan);
  /// Moves 32 columns of a key head, some entries at a time.
  void move(KernelEmitter &e, ArrayRef<Value> lane, Value entries, Value part);
  Plan loadPlan(KernelEmitter &e, Value row);
  void storePlan(KernelEmitter &e, Value row, const Plan &plan);
  /// Where the entry comes from that moves to `initial` + `number`.
  Value sourceOf(KernelEmitter &e, Value row, const Plan &plan, Value number);

  LoopEmitter &host;
  SeparatorLayout layout;
  CacheMemory cache;
  /// [B, separators], i32: the entries of the separators that are kept.
  Value sources;
  /// [B, 3], i32: the plans, in which nothing moves where a row is not due.
  Value plans;
};

/// Queries that attend from the last entries of a cache.
struct CacheQueries {
  /// At most so many of a row.
  Value most;
  /// [B], integers: how many each row has; null: `most`.
  Value lengths;
  /// [B], i32: the token of the first one. Results of tokens without a query
  /// stay as they are. Null: token 0, and those results are 0.
  Value first;
};

/// Attention over a cache by effattn.attention: queries and keys are turned
/// into memory of their own before, where they turn.
class CacheAttentionKernels {
public:
  /// `op` has q, keys and values of a cache, out, and the attributes of
  /// cache_attention.
  template <typename Op>
  CacheAttentionKernels(LoopEmitter &host, Op op, const CacheQueries &queries)
      : host(host), q(op.getQ()), out(op.getOut()), cache(CacheMemory::of(op)),
        queries(queries), scale(op.getScaleAttr()) {
    RotatedColumns columns = op.getRotatedColumns();
    bool turns =
        op.getPositions() == CachePositions::Slot && columns.mayBePositive();
    if (turns)
      settings = RotarySettings{op.getRopeLayout(), op.getRopeBase(), 1.0,
                                columns.emit(host.builder, host.loc)};
    allocate();
  }
  void free();

  /// Launches cosines and sines of the slots that rows use: at most
  /// `slotsOf(row)`.
  void prepare(const std::function<Value(LoopEmitter &, Value row)> &slotsOf);
  /// Launches attention.
  void attend();
  /// Launches zeros for the results of tokens from `lengths` on.
  void clear(Value lengths);

private:
  void allocate();
  Value countOf(LoopEmitter &e, Value row) const;
  Value firstOf(LoopEmitter &e, Value row) const;
  void launchQueries();
  void launchKeys();
  void launchResults();

  LoopEmitter &host;
  Value q, out;
  CacheMemory cache;
  CacheQueries queries;
  FloatAttr scale;
  std::optional<RotarySettings> settings;
  std::optional<RotaryTables> tables;
  /// What attention takes and writes; the op's own operands where they need no
  /// copy.
  Value turnedQueries, turnedKeys, results;
};

/// effattn.separator_cache_update.
void buildCacheUpdate(OpBuilder &builder, SeparatorCacheUpdateOp op);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_CACHEKERNELS_H
