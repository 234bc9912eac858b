//===- LoopEmitter.h - Short forms for emitting loops over numbers --------===//
#ifndef EFFATTN_LIB_CODEGEN_LOOPEMITTER_H
#define EFFATTN_LIB_CODEGEN_LOOPEMITTER_H

#include "effattn/Dialect/Emit.h"

#include "mlir/IR/Builders.h"

namespace mlir::effattn {

/// A builder at a location with the arithmetic, loops and branches that code
/// for a CPU and kernels for a GPU are made of alike.
class LoopEmitter {
public:
  LoopEmitter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  OpBuilder &builder;
  Location loc;

  //===--- Numbers ---===//
  Value index(int64_t value) { return emit::index(builder, loc, value); }
  Value add(Value lhs, Value rhs) { return emit::add(builder, loc, lhs, rhs); }
  Value add(Value lhs, int64_t rhs) {
    return rhs == 0 ? lhs : add(lhs, index(rhs));
  }
  Value sub(Value lhs, Value rhs) { return emit::sub(builder, loc, lhs, rhs); }
  Value mul(Value lhs, Value rhs) { return emit::mul(builder, loc, lhs, rhs); }
  Value mul(Value lhs, int64_t rhs) { return mul(lhs, index(rhs)); }
  Value min(Value lhs, Value rhs) { return emit::min(builder, loc, lhs, rhs); }
  Value max(Value lhs, Value rhs) { return emit::max(builder, loc, lhs, rhs); }
  /// Of values that are not negative, as all below.
  Value quotient(Value value, Value divisor);
  Value quotient(Value value, int64_t divisor) {
    return quotient(value, index(divisor));
  }
  Value remainder(Value value, Value divisor);
  Value remainder(Value value, int64_t divisor) {
    return remainder(value, index(divisor));
  }
  Value ceilDiv(Value value, Value divisor);
  Value ceilDiv(Value value, int64_t divisor) {
    return ceilDiv(value, index(divisor));
  }
  /// The indices of place `number` of an array of these sizes, row by row.
  SmallVector<Value> split(Value number, ValueRange sizes);
  /// The largest multiple of `divisor` that is not more than `value`.
  Value roundDown(Value value, int64_t divisor);
  Value lessThan(Value lhs, Value rhs) {
    return emit::lessThan(builder, loc, lhs, rhs);
  }
  Value lessEqual(Value lhs, Value rhs) {
    return emit::lessEqual(builder, loc, lhs, rhs);
  }
  Value equal(Value lhs, Value rhs) {
    return emit::equal(builder, loc, lhs, rhs);
  }
  Value size(Value source, int64_t dim) {
    return emit::size(builder, loc, source, dim);
  }

  //===--- Floats ---===//
  /// A real parameter above 0 as f32 that is neither 0 nor infinite: what f64
  /// holds and f32 does not becomes the nearest that f32 does.
  Value positive(double value);
  /// a b + c, rounded once where the target can.
  Value mulAdd(Value a, Value b, Value c);
  /// Of scalars or vectors.
  Value addFloats(Value lhs, Value rhs);
  Value subFloats(Value lhs, Value rhs);
  Value mulFloats(Value lhs, Value rhs);
  Value divFloats(Value lhs, Value rhs);
  /// The larger number; where either is NaN, `rhs`.
  Value maxFloats(Value lhs, Value rhs);
  /// i1 lanes: an ordered comparison, false for NaN.
  Value lessFloats(Value lhs, Value rhs);
  Value equalFloats(Value lhs, Value rhs);
  Value select(Value condition, Value ifTrue, Value ifFalse) {
    return emit::select(builder, loc, condition, ifTrue, ifFalse);
  }

  //===--- Control ---===//
  void loop(Value low, Value high, int64_t step,
            function_ref<void(Value)> body);
  SmallVector<Value>
  loop(Value low, Value high, int64_t step, ValueRange carried,
       function_ref<SmallVector<Value>(Value, ValueRange)> body);
  void choose(Value condition, function_ref<void()> then,
              function_ref<void()> otherwise = {});
  /// Branches that give values of the same types.
  SmallVector<Value> choose(Value condition, TypeRange types,
                            function_ref<SmallVector<Value>()> then,
                            function_ref<SmallVector<Value>()> otherwise);
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_LOOPEMITTER_H
