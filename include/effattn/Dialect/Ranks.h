//===- Ranks.h - A value and its index as one integer ---------------------===//
#ifndef EFFATTN_DIALECT_RANKS_H
#define EFFATTN_DIALECT_RANKS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace mlir::effattn {

/// The order of top_k as one signed i64: the greater rank comes first. The
/// upper half orders the value, the lower half puts the lower index first.
class Ranks {
public:
  Ranks(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// Below the rank of everything.
  Value lowest() { return constant(std::numeric_limits<int64_t>::min()); }
  /// The rank of an f32 value at an index below 2^31.
  Value encode(Value value, Value index);
  /// The value: 0 for -0, and one NaN for all.
  Value value(Value rank);
  Value index(Value rank);

private:
  Value constant(int64_t value, unsigned width = 64);
  /// Turns the bits of floats into integers of the same order, and back: all
  /// bits but the sign are inverted where the sign is set.
  Value flipNegative(Value bits);

  OpBuilder &builder;
  Location loc;
};

} // namespace mlir::effattn

#endif // EFFATTN_DIALECT_RANKS_H
