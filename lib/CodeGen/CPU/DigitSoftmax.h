//===- DigitSoftmax.h - The powers of a digit's logits --------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_DIGITSOFTMAX_H
#define EFFATTN_LIB_CODEGEN_CPU_DIGITSOFTMAX_H

#include "VectorEmitter.h"

namespace mlir::effattn {

/// The softmax of each digit of `x`, `... U P`, but for the division: whoever
/// needs few of the probabilities divides few.
class DigitSoftmax {
public:
  DigitSoftmax(VectorEmitter &e, Value x, double temperature);

  /// Writes the powers of a digit into `powers`, f32, and -1 behind them up to
  /// its end, a multiple of the vector's lanes; returns their sum. It is NaN
  /// where a probability is. Column c is added to lane c modulo the lanes, and
  /// then halves of the lanes to each other: so does whoever wants the same.
  Value run(ValueRange row, Value digit, Value powers);

  Value digits() { return e.size(x, rank - 2); }
  /// Values of a digit.
  Value base() { return e.size(x, rank - 1); }

  /// Neighbouring logits of a digit.
  Value load(VectorEmitter &to, ValueRange row, Value digit, Value column,
             Value mask);
  /// Asks for these, to be loaded soon.
  void prefetch(ValueRange row, Value digit, Value column);
  /// e^((logits - largest) / temperature).
  Value power(VectorEmitter &to, Value logits, Value largest);

private:
  /// Combines what `body` emits for the columns of the digit, lane by lane:
  /// for several vectors at a time, which hides how long exponentials take, and
  /// then one by one.
  Value
  reduce(Value start,
         function_ref<Value(VectorEmitter &, Value column, Value mask)> body,
         function_ref<Value(Value, Value)> combine);
  Value findLargest();
  Value raise(Value largest);
  /// Those of the digit in work.
  Value load(VectorEmitter &to, Value column, Value mask);
  /// `differences / temperature`.
  Value scale(VectorEmitter &to, Value differences);

  VectorEmitter &e;
  Value x;
  int64_t rank;
  float temperature;
  /// Of several vectors as one.
  CpuModel wide;
  /// Logits that lie apart, side by side; null where they lie so in `x`.
  Value gathered;
  /// The digit in work.
  SmallVector<Value> row;
  Value digit, powers;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_DIGITSOFTMAX_H
