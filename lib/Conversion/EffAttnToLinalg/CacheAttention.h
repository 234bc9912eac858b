//===- CacheAttention.h - Attend from a slot of a cache -------------------===//
#ifndef EFFATTN_LIB_CONVERSION_CACHEATTENTION_H
#define EFFATTN_LIB_CONVERSION_CACHEATTENTION_H

#include "CacheLowering.h"
#include "Rotary.h"
#include "effattn/Dialect/HeadChecks.h"

namespace mlir::effattn {

/// f32 memory for attention in the cache of one key head.
struct CacheBuffers {
  /// Entries as attention reads them, [slots, D] and [slots, E], and a query,
  /// [D]; null where the operand itself has them so.
  Value keys, values, query;
  /// [slots], [E] and [E].
  Value scores, weighted, part;

  /// Those that are not null, for loops to carry, and the same from a list.
  SmallVector<Value> list() const;
  CacheBuffers with(ValueRange list) const;
};

/// Emits attention of one token after the other in the cache of a key head, for
/// cache_attention and separator_cache_update alike. What attention reads of an
/// entry, the rotated key and both in f32, is computed when the entry comes or
/// moves (`refresh`), not for every query.
class CacheAttention {
public:
  /// A key head of a batch row, with the query heads that read it.
  struct Place {
    Value row, group;
  };

  /// `op` has q, keys and values of a cache and the attributes of
  /// cache_attention.
  template <typename Op>
  CacheAttention(OpBuilder &builder, Op op)
      : builder(builder), loc(op.getLoc()), emitter(builder, loc),
        zero(emit::index(builder, loc, 0)), q(op.getQ()), keys(op.getKeys()),
        values(op.getValues()), scale(op.getScaleAttr()),
        rotates(op.getPositions() == CachePositions::Slot &&
                op.getRotatedColumns().mayBePositive()),
        layout(op.getRopeLayout()), base(op.getRopeBase()),
        columns(op.getRotatedColumns()) {}

  /// Emits what all heads share, for slots below `count`.
  void prepare(Value count);
  CacheBuffers allocate();
  /// Where a key head's query heads stand in `out` [B, H, T, E].
  LinalgEmitter::Slice sliceOf(Value out, const Place &place);
  /// That slice, [heads, T, E].
  Value headsOf(Value out, const Place &place);

  /// Makes entries [low, high) of the lanes ready to be read.
  CacheBuffers refresh(Value keyLane, Value valueLane, Value low, Value high,
                       const CacheBuffers &buffers);
  /// Writes the rows of a token that sits at `slot` into `out` [heads, T, E]:
  /// they see the slots up to it, none where it is negative.
  std::pair<Value, CacheBuffers> attend(const Place &place, Value token,
                                        Value slot, Value keyLane,
                                        Value valueLane, Value out,
                                        const CacheBuffers &buffers);
  /// `out` with zeros in the rows of tokens [low, high).
  Value clear(Value out, Value low, Value high);

private:
  Value headsPerGroup();
  /// A row of the key lane or of q as it enters products, in `out` [D]; not
  /// for rows that are so already, whose copy would be folded away.
  Value turn(Value row, Value slot, Value out);
  /// Scores of the visible slots, and the largest.
  std::pair<Value, Value> score(Value visible, Value query, Value keyLane,
                                Value scores);
  /// Their exponentials, and the sum.
  std::pair<Value, Value> weigh(Value visible, Value largest, Value scores);
  /// The sum of the values weighted by those, in `weighted`; and `part`.
  std::pair<Value, Value> combine(Value visible, Value weights, Value valueLane,
                                  Value weighted, Value part);

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  Value zero;
  Value q, keys, values;
  FloatAttr scale;
  bool rotates;
  RopeLayout layout;
  double base;
  RotatedColumns columns;
  Value slots, factor;
  std::optional<Rotary> rotary;
  Value cosines, sines;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_CACHEATTENTION_H
