//===- GroupStep.h - The step that a group of numbers is rounded to -------===//
#ifndef EFFATTN_LIB_CODEGEN_GROUPSTEP_H
#define EFFATTN_LIB_CODEGEN_GROUPSTEP_H

#include "LoopEmitter.h"

namespace mlir::effattn {

/// A group's largest magnitude over 127, in f64: no f32 that lies between two
/// multiples is moved to the other one by rounding in f64. Numbers are f32,
/// scalars or vectors.
class GroupStep {
public:
  /// `largest` is f32; NaN where any number of the group is.
  GroupStep(LoopEmitter &emitter, Value largest);

  /// How many steps each number is, as f64.
  Value countSteps(Value numbers);
  /// The same as f32, and whether they are what countSteps gives: they may be
  /// off by 1e-4, which does not matter but for numbers that are about as near
  /// to the next one.
  std::pair<Value, Value> guessSteps(Value numbers);

  Value step, isFinite;

private:
  /// `number` in every lane of what is like `numbers`.
  Value spread(Value number, Value numbers);

  LoopEmitter &e;
  Value divisor;
  /// Steps in 1, as f32.
  Value inverse;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GROUPSTEP_H
