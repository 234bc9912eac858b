//===- Rotary.h - Rotate rows by their position ---------------------------===//
#ifndef EFFATTN_LIB_CONVERSION_ROTARY_H
#define EFFATTN_LIB_CONVERSION_ROTARY_H

#include "LinalgEmitter.h"

namespace mlir::effattn {

/// Rotary positions: pair i of the first `dims` columns of a row turns by
/// `position / scaling * base^(-2 i / dims)`.
///
/// Angles are f64 up to their sine and cosine: at a position of a million an
/// angle in f32 would be wrong by a sixteenth of a turn. They depend on neither
/// head nor content, so compute them once a position:
///
///   SmallVector<Value> steps = rotary.steps();         // outside of loops
///   SmallVector<Value> turns = rotary.emptyTurns();    // carried by a loop
///   turns = rotary.turnTo(position, follows, steps, turns);
///   out = rotary.rotate(row, turns[0], turns[1], out); // for every head
class Rotary {
public:
  /// `dims` is an even index, 0 allowed.
  Rotary(OpBuilder &builder, Location loc, RopeLayout layout, double base,
         double scaling, Value dims);

  /// Number of pairs, as index.
  Value pairs() { return pairCount; }
  /// Of every pair base^(-2 i / dims), and the cosine and sine of a step by one
  /// position: three fresh tensors [pairs] of f64.
  SmallVector<Value> steps();
  /// Fresh tensors [pairs] for cosines and sines in f32, and the same in f64.
  SmallVector<Value> emptyTurns();
  /// Cosine and sine of every pair's angle at a position (an integer of any
  /// type, signed), written into such tensors. Where `follows`, they hold those
  /// of the position before, which turns by a step more: that costs no
  /// trigonometry. Far from 0, where angles are rounded, it is not done.
  SmallVector<Value> turnTo(Value position, Value follows, ValueRange steps,
                            ValueRange turns);
  /// Cosines and sines of positions 0 to count - 1: fresh tensors [count,
  /// pairs] of f32. Each turn is the one before and a step more, in f64, which
  /// loses 1e-16 a position: only the step takes trigonometry.
  std::pair<Value, Value> tables(Value count);
  /// The two columns of a pair.
  std::pair<Value, Value> columnsOf(Value pair);
  /// (a cos - b sin, b cos + a sin), all of one type.
  std::pair<Value, Value> turn(Value a, Value b, Value cosine, Value sine);
  /// `row` [D] turned, written into `out` [D]; columns past `dims` as they
  /// are. Both are of any float type. A pair is read before it is written.
  Value rotate(Value row, Value cosines, Value sines, Value out);

private:
  /// base^(-2 i / dims) of every pair: a fresh tensor [pairs] of f64.
  Value frequencies();
  /// Writes a turn in f64 for every pair, and its roundings.
  SmallVector<Value>
  writeTurns(ValueRange turns,
             function_ref<std::pair<Value, Value>(Value pair, ValueRange wide)>
                 turnOf);
  Type f64Type() { return builder.getF64Type(); }
  Value load(Value tensor, Value place) {
    return emit::load(builder, loc, tensor, place);
  }

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  RopeLayout layout;
  double base, scaling;
  Value dims, pairCount, zero;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_ROTARY_H
