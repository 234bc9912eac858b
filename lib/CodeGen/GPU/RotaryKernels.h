//===- RotaryKernels.h - Rotate rows by their position --------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_ROTARYKERNELS_H
#define EFFATTN_LIB_CODEGEN_GPU_ROTARYKERNELS_H

#include "KernelEmitter.h"
#include "effattn/Dialect/EffAttn.h"

namespace mlir::effattn {

/// How pairs of columns turn: pair i of the first `dims` columns by position /
/// scaling * base^(-2 i / dims).
struct RotarySettings {
  RopeLayout layout;
  double base, scaling;
  Value dims;
};

/// Cosines and sines of positions, once for all heads, and rows turned by them.
class RotaryTables {
public:
  /// Room for `rows` positions.
  RotaryTables(LoopEmitter &host, const RotarySettings &settings, Value rows);
  void free();

  /// Launches a kernel that computes the first `count` rows of the tables.
  /// `positionOf` gives an integer.
  void launch(function_ref<Value(KernelEmitter &)> count,
              function_ref<Value(KernelEmitter &, Value row)> positionOf);
  /// A warp writes a row of `source` to one of `destination`, turned by a row
  /// of the tables, and columns behind `dims` as they are.
  void rotateRow(KernelEmitter &e, Value tableRow, Value source,
                 ArrayRef<Value> from, Value destination,
                 ArrayRef<Value> to) const;

private:
  std::pair<Value, Value> turnOf(KernelEmitter &e, Value pair, Value position);
  std::pair<Value, Value> columnsOf(KernelEmitter &e, Value pair) const;

  LoopEmitter &host;
  RotarySettings settings;
  Value rows, pairs;
  /// [rows, pairs], f32.
  Value cosines, sines;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_ROTARYKERNELS_H
