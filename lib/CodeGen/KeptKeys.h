//===- KeptKeys.h - Which keys some queries of an attention look at -------===//
#ifndef EFFATTN_LIB_CODEGEN_KEPTKEYS_H
#define EFFATTN_LIB_CODEGEN_KEPTKEYS_H

#include "LoopEmitter.h"
#include "effattn/Dialect/AttentionOps.h"

namespace mlir::effattn {

/// The columns of a mask (MaskOpInterface::emitColumn), found once for all
/// queries.
struct MaskTables {
  /// [B, S + 1], integers: how many columns stand before each key.
  Value before;
  /// [B, S], integers: the columns of a batch row in ascending order, as many
  /// as it has.
  Value columns;
};

/// Query rows [first, last] of a batch row.
struct QueryRows {
  Value batch, first, last;
  /// The ends of valid rows and of the keys that the rows may look at, and the
  /// position of row 0.
  Value queryEnd, keyEnd, offset;
};

/// A superset of what rows keep, in [0, keyEnd): every key of the band, and the
/// columns inside of the hull.
struct KeySupport {
  KeyRange band, hull;
};

/// What an attention asks its mask about keys, on buffers.
class KeptKeys {
public:
  KeptKeys(LoopEmitter &emitter, AttentionOp op)
      : e(emitter), op(op), mask(op.getRootMask()) {}

  /// Whether a call finds the columns of its mask first.
  static bool hasTables(AttentionOp op);
  /// [first, last], where rows of the padding see no keys.
  QueryRows rowsOf(Value batch, Value first, Value last);
  KeySupport support(const QueryRows &rows);
  /// Places in the table of columns: those before the band, and those behind.
  std::pair<KeyRange, KeyRange> columnsBeside(const MaskTables &tables,
                                              const QueryRows &rows,
                                              const KeySupport &support);
  /// Whether each row keeps each key from `lowest` to `highest` of the band,
  /// or, where `areColumns` (null: never) holds, each column.
  Value keepsAll(const QueryRows &rows, Value areColumns, Value lowest,
                 Value highest);
  /// The position of a key, which is -1 where there is none.
  Value positionOf(Value batch, Value key);
  Value isKept(const MaskPoint &point);

private:
  Value clamp(Value value, Value low, Value high) {
    return e.min(e.max(value, low), high);
  }
  KeyRange inside(const KeyRange &range, Value end);

  LoopEmitter &e;
  AttentionOp op;
  MaskOpInterface mask;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_KEPTKEYS_H
