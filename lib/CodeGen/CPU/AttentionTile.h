//===- AttentionTile.h - Some queries over some keys ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H
#define EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// The running softmax of some queries, one in a lane, over tiles of keys.
///
/// Queries lie along vectors: scores are [key, query], so that a key or value
/// is read where it lies, one number at a time for all queries, and the
/// softmax of a query never leaves its lane. What a lane holds reaches no
/// other lane, so that neither NaN nor padding does.
class AttentionTile {
public:
  /// Keys of a tile, and those that are multiplied with at once.
  static constexpr int64_t kKeys = 128, kRows = 8;

  /// Scratch of a tile; all f32 but `rows`. Q queries are all lanes, E' is E
  /// rounded up to kRows.
  struct Scratch {
    /// [D, Q], times the scale.
    Value queries;
    /// [kKeys, Q]: scores, then their exponentials.
    Value scores;
    /// [kKeys, Q]: 1 where the query keeps the key, else 0; of a tile that is
    /// not whole.
    Value kept;
    /// [E', Q]: sums of weighted values.
    Value sums;
    /// [2, Q]: the largest scores and the sums of weights.
    Value state;
    /// [kKeys], index: the key row of each key of the tile.
    Value rows;
    /// [kKeys, D] and [kKeys, E]: keys and values as f32. Null where they are
    /// f32 in memory.
    Value keys, values;
  };
  struct Operands {
    Value batch, group;
    /// [B, G, S, D] and [B, G, S, E].
    Value key, value;
  };

  /// `vectors` is the number of vectors that hold the queries.
  AttentionTile(VectorEmitter &emitter, int64_t vectors,
                const Operands &operands, const Scratch &scratch)
      : emitter(emitter), vectors(vectors), operands(operands),
        scratch(scratch) {}

  /// No key yet.
  void begin();
  /// Adds the first `count` keys of `scratch.rows`, which names a row for every
  /// place. `adjust` may change scores after the products; where `isWhole` is
  /// false it writes `kept`, and -inf as the score of keys that are not kept.
  void addKeys(Value count, Value isWhole, function_ref<void()> adjust);
  /// Divides by the sums of weights; what has no weight becomes 0.
  void end();

private:
  void convert(Value source, Value destination, Value count);
  void multiplyKeys(Value count);
  SmallVector<Value> weigh(Value count);
  void addValues(Value count, ValueRange decay, bool keptOnly);
  void addColumns(Value column, ValueRange columns, Value count,
                  ValueRange decay, bool keptOnly);
  Value isFinite(Value count);
  SmallVector<Value> loadRow(Value memory, Value row);
  void storeRow(ValueRange row, Value memory, Value at);
  void addToRow(Value memory, Value at, ValueRange decay, ValueRange row);
  Value loadKey(Value place, Value row, Value column);
  Value loadValue(Value place, Value column);

  VectorEmitter &emitter;
  int64_t vectors;
  Operands operands;
  Scratch scratch;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_ATTENTIONTILE_H
