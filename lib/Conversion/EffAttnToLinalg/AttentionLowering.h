//===- AttentionLowering.h - Softmax over the keys that a mask leaves -----===//
#ifndef EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H
#define EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H

#include "MaskColumns.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::effattn {

/// Where a query row stands.
struct QueryRow {
  Value batch;
  Value head;
  /// The head's key head.
  Value group;
  Value index;
  Value position;
};

/// Emits an op that attends. A query row collects the scores of the keys that
/// it keeps, a step at a time, and works on those alone: what is not kept is
/// neither computed with nor multiplied by zero. A class that derives from it
/// says what a score is and what is summed beside values.
class AttentionLowering {
public:
  virtual ~AttentionLowering() = default;

  /// The successors of the outs, then of lse where there is one.
  SmallVector<Value> run();

protected:
  struct Operands {
    Value query;
    Value key;
    /// Tensors [B, G, S, E], and where their means go, in the same order.
    SmallVector<Value> values;
    SmallVector<Value> outs;
    /// Null where there is none.
    Value lse;
    /// Null where a key's position is its index.
    Value keyPositions;
    MaskOpInterface mask;
  };
  AttentionLowering(OpBuilder &builder, Location loc, const Operands &operands)
      : builder(builder), loc(loc), emitter(builder, loc),
        zero(emit::index(builder, loc, 0)), one(emit::index(builder, loc, 1)),
        operands(operands) {}

  /// Of a batch row: the position of query row 0, how many query rows are
  /// valid, and how many keys.
  virtual Value emitOffset(Value batch) = 0;
  virtual Value emitQueryEnd(Value batch);
  virtual Value emitKeyEnd(Value batch);

  /// Before the first key of a row.
  virtual void beginRow(const QueryRow & /*row*/) {}
  /// The score of a kept key whose <q, k> is `product`.
  virtual Value emitScore(const QueryRow &row, const MaskPoint &point,
                          Value product) = 0;

  /// Sizes of sums beside those of values: tensors of rank 1, f32.
  virtual SmallVector<OpFoldResult> extraSums() { return {}; }
  /// These sums with a key of the given weight in them.
  virtual SmallVector<Value> addToExtraSums(const QueryRow & /*row*/,
                                            Value /*keyIndex*/,
                                            Value /*weight*/, ValueRange sums) {
    return sums;
  }
  /// After the last key of a row; `sums` are those of the values, then the
  /// extra ones.
  virtual void endRow(ValueRange /*sums*/) {}
  /// A column of what the mean of `values[number]` is made from.
  virtual Value emitSum(unsigned number, ValueRange sums, Value column) {
    return emit::load(builder, loc, sums[number], column);
  }

  /// <q, other> in f32.
  Value product(const QueryRow &row, function_ref<Value(Value)> other);
  Value clamp(Value value, Value low, Value high) {
    return emit::min(builder, loc, emit::max(builder, loc, value, low), high);
  }

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  Value zero;
  Value one;

private:
  /// Candidates [0, count) for the keys of one query row. `rowOf` gives the row
  /// of `keys` and `values` that a candidate stands in, `keyOf` the key index
  /// that such a row holds.
  struct Segment {
    Value keys;
    SmallVector<Value> values;
    Value count;
    std::function<Value(Value)> rowOf;
    std::function<Value(Value)> keyOf;
  };
  struct RunningSoftmax;

  bool hasColumns() {
    // With positions of their own, keys stand in no order.
    return operands.mask && !operands.keyPositions &&
           operands.mask.hasColumns();
  }
  Value minusInfinity() { return emit::negativeInfinity(builder, loc); }
  Value isMinusInfinity(Value value) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value,
                                 minusInfinity());
  }

  SmallVector<std::pair<Value, LinalgEmitter::Slice>> lowerTile(ValueRange tile,
                                                                ValueRange out);
  SmallVector<Value> lowerRow(const QueryRow &row, Value rowInTile,
                              ValueRange carried);
  SmallVector<Segment> segmentsOf(const QueryRow &row);
  Segment bandSegment(const KeyRange &band);
  Segment columnSegment(Value batch, const KeyRange &band,
                        const KeyRange &hull);
  RunningSoftmax attend(const QueryRow &row, const Segment &segment,
                        const RunningSoftmax &state);
  Value collect(const QueryRow &row, const Segment &segment, Value first,
                RunningSoftmax &state);
  SmallVector<Value> weigh(const QueryRow &row, const Segment &segment,
                           const RunningSoftmax &state, Value kept, Value base);
  void accumulate(const QueryRow &row, const Segment &segment, Value kept,
                  RunningSoftmax &state);
  Value weightOf(Value score, Value base);
  MaskPoint pointOf(const QueryRow &row, Value keyIndex);
  Value isKept(const MaskPoint &point);

  Operands operands;
  MaskColumns columns;
};

void populateSystematicAttentionToLinalgPatterns(RewritePatternSet &patterns);
void populateRotaryToLinalgPatterns(RewritePatternSet &patterns);
/// systematic_attention without tables -> attention.
void populateJoinValueStreamsPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_ATTENTIONLOWERING_H
