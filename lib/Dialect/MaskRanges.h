//===- MaskRanges.h - Ranges of keys that masks answer with ---------------===//
#ifndef EFFATTN_LIB_DIALECT_MASKRANGES_H
#define EFFATTN_LIB_DIALECT_MASKRANGES_H

#include "effattn/Dialect/Mask.h"

namespace mlir::effattn {

/// Beyond every position, and still safe to add positions to.
inline constexpr int64_t kFar = int64_t(1) << 60;

KeyRange intersect(OpBuilder &builder, Location loc, const KeyRange &a,
                   const KeyRange &b);
/// The smallest range that holds both.
KeyRange span(OpBuilder &builder, Location loc, const KeyRange &a,
              const KeyRange &b);
/// A range without keys, whose span with another is the other.
KeyRange emptyRange(OpBuilder &builder, Location loc);

/// Of a mask without columns.
MaskCore bandOnly(OpBuilder &builder, Location loc, KeyRange band);
inline MaskSupport bandOnly(KeyRange band) { return {band, band}; }

/// A count from an attribute; one beyond every position is as good as kFar and
/// does not overflow.
Value distance(OpBuilder &builder, Location loc, int64_t count);
/// The first key of a query's window.
Value windowStart(OpBuilder &builder, Location loc, int64_t size, Value query);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_DIALECT_MASKRANGES_H
