//===- CacheLowering.h - What the lowerings of cache ops share ------------===//
#ifndef EFFATTN_LIB_CONVERSION_CACHELOWERING_H
#define EFFATTN_LIB_CONVERSION_CACHELOWERING_H

#include "OpLowering.h"
#include "effattn/Dialect/CacheOps.h"

namespace mlir::effattn {

/// Emits changes of a *lane*: the entries that one row has in one tensor of a
/// cache, [L, width] for a key head, [L] for flags.
class LaneEmitter {
public:
  LaneEmitter(OpBuilder &builder, Location loc)
      : builder(builder), loc(loc), emitter(builder, loc) {}

  /// The lane with what `source` has at `place` as its entry number `entry`, in
  /// the type of the lane. `place` indexes all dimensions but the columns.
  Value copyEntry(Value lane, Value entry, Value source, ValueRange place);

  /// The lane with its entry `from` at `to` as well.
  Value moveEntry(Value lane, Value from, Value to);
  /// The same for entries [low, high), of which entry i moves to i - distance.
  Value moveEntries(Value lane, Value low, Value high, Value distance);

  /// What a tensor of one integer holds, and the tensor with another index.
  Value loadNumber(Value tensor);
  Value storeNumber(Value number, Value tensor);

protected:
  Value index(int64_t value) { return emit::index(builder, loc, value); }

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;

private:
  /// `element` gets the place in a row behind its first index, and the lane
  /// as it is before the element is written.
  Value writeEntry(Value lane, Value entry,
                   function_ref<Value(ValueRange, Value)> element);
};

void populateCacheAttentionToLinalgPatterns(RewritePatternSet &patterns);
void populateSeparatorCacheToLinalgPatterns(RewritePatternSet &patterns);
void populateSeparatorCacheUpdateToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_CACHELOWERING_H
