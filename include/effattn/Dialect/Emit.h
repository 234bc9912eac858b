//===- Emit.h - Small pieces of IR that every lowering emits --------------===//
#ifndef EFFATTN_DIALECT_EMIT_H
#define EFFATTN_DIALECT_EMIT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

/// Short names for the arith ops of index and float values that lowerings and
/// mask ops emit by the dozen. `source` operands are tensors or memrefs.
namespace mlir::effattn::emit {

Value index(OpBuilder &builder, Location loc, int64_t value);
Value f32(OpBuilder &builder, Location loc, double value);
Value negativeInfinity(OpBuilder &builder, Location loc);
Value boolean(OpBuilder &builder, Location loc, bool value);

/// Size of a dimension as index.
Value size(OpBuilder &builder, Location loc, Value source, int64_t dim);
/// One element of a tensor or memref.
Value load(OpBuilder &builder, Location loc, Value source, ValueRange indices);
/// One element, or a scalar itself, as index (signed).
Value loadIndex(OpBuilder &builder, Location loc, Value source,
                ValueRange indices);
/// Signed conversion of an integer value to index, or back to `type`.
Value toIndex(OpBuilder &builder, Location loc, Value value);
Value fromIndex(OpBuilder &builder, Location loc, Value value, Type type);
/// Float conversion by extension or truncation.
Value toFloat(OpBuilder &builder, Location loc, Value value, Type type);

Value add(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value sub(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value mul(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value min(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value max(OpBuilder &builder, Location loc, Value lhs, Value rhs);
/// Product of two values that are not negative, or `limit` where it is more.
Value mulUpTo(OpBuilder &builder, Location loc, Value lhs, Value rhs,
              int64_t limit);
/// Remainder that is never negative for a positive divisor.
Value floorMod(OpBuilder &builder, Location loc, Value lhs, Value rhs);

Value lessThan(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value lessEqual(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value equal(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value logicalAnd(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value logicalOr(OpBuilder &builder, Location loc, Value lhs, Value rhs);
Value logicalNot(OpBuilder &builder, Location loc, Value value);
Value select(OpBuilder &builder, Location loc, Value condition, Value ifTrue,
             Value ifFalse);
Value isNaN(OpBuilder &builder, Location loc, Value value);

} // namespace mlir::effattn::emit

#endif // EFFATTN_DIALECT_EMIT_H
