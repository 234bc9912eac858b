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
///   Value frequencies = rotary.frequencies();          // outside of loops
///   auto [cosines, sines] = rotary.turns(position, frequencies, buffers...);
///   out = rotary.rotate(row, cosines, sines, out);     // for every head
class Rotary {
public:
  /// `dims` is an even index, 0 allowed.
  Rotary(OpBuilder &builder, Location loc, RopeLayout layout, double base,
         double scaling, Value dims);

  /// Number of pairs, as index.
  Value pairs() { return pairCount; }
  /// base^(-2 i / dims) of every pair: a fresh tensor [pairs] of f64.
  Value frequencies();
  /// Cosine and sine of every pair's angle at a position (an integer of any
  /// type, signed), written into two tensors [pairs] of f32.
  std::pair<Value, Value> turns(Value position, Value frequencies,
                                Value cosines, Value sines);
  /// Cosines and sines of positions 0 to count - 1: fresh tensors [count, pairs]
  /// of f32. Each turn is the one before and a step more, in f64, which loses
  /// 1e-16 a position: only the step takes trigonometry.
  std::pair<Value, Value> tables(Value count);
  /// The two columns of a pair.
  std::pair<Value, Value> columnsOf(Value pair);
  /// (a cos - b sin, b cos + a sin), all f32.
  std::pair<Value, Value> turn(Value a, Value b, Value cosine, Value sine);
  /// `row` [D] turned, written into `out` [D]; columns past `dims` as they
  /// are. Both are of any float type. A pair is read before it is written.
  Value rotate(Value row, Value cosines, Value sines, Value out);

private:
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
