//===- SeparatorCache.h - Emit the steps of a separator cache -------------===//
#ifndef EFFATTN_LIB_CONVERSION_SEPARATORCACHE_H
#define EFFATTN_LIB_CONVERSION_SEPARATORCACHE_H

#include "CacheLowering.h"

namespace mlir::effattn {

/// What one compaction does to a row of n entries.
struct Compaction {
  /// Where the kept separators begin and end before, and where they end after.
  Value initial, oldEnd, newEnd;
  /// Where the window begins.
  Value window;
  /// n, and the same afterwards.
  Value oldLength, newLength;
  /// Number of separators that go; those that stay move down by as much.
  Value forgotten;
};

/// Emits compactions of the rows of a separator cache. Every lane of a row is
/// compacted on its own, in place: an entry only ever moves down.
class SeparatorCacheEmitter : public LaneEmitter {
public:
  SeparatorCacheEmitter(OpBuilder &builder, Location loc,
                        const SeparatorLayout &layout)
      : LaneEmitter(builder, loc), layout(layout) {}

  /// i1: a row of so many entries is compacted.
  Value isDue(Value length);
  /// What the compaction of a row that is due does. `flags` is [L].
  Compaction plan(Value flags, Value length, Value separatorEnd);
  /// The lane after the compaction. `flags` are those from before, or the lane
  /// itself.
  Value compact(const Compaction &plan, Value lane, Value flags);

private:
  SeparatorLayout layout;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_SEPARATORCACHE_H
