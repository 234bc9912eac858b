//===- QuantizedRows.h - Rows of a table of 4-bit and 8-bit codes ---------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H
#define EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H

#include "../TableParts.h"
#include "VectorEmitter.h"

namespace mlir::effattn {

/// A table whose rows are contiguous, for `op`.
class QuantizedRows : public TableParts {
public:
  QuantizedRows(VectorEmitter &emitter, const QuantizedTable &table,
                QuantizedMatmulOp op);

  /// Codes of columns side by side as i8, the first at a multiple of two.
  Value loadBytes(const RowPart &part, Value column, int64_t count);

  /// Writes columns [first, first + count) of a row to `out[prefix, 0...]` in
  /// f32. `first` is a multiple of a vector.
  void decode(Value id, Value first, Value count, Value out, ValueRange prefix);

  /// Notes where columns [first, end) of a part hold a code that is out of its
  /// range; `first` is even.
  void watch(const RowPart &part, Value first, Value end);
  /// The same for all columns of all parts of a row.
  void watch(Value id);
  /// The same for whole parts where a byte of `least` is `worst`, which stands
  /// for the code out of range.
  void watchIf(ArrayRef<RowPart> parts, Value least, int64_t worst);
  /// Emits the checks of what was noted. Behind all products: to look at codes
  /// twice would cost as much as to multiply by them. Behind parallel loops
  /// around `op`, too, from which a check cannot return.
  void emitCodeChecks();

private:
  void decodePart(const RowPart &part, Value first, Value end, bool isFirst,
                  function_ref<SmallVector<Value>(Value)> placeOf, Value out);
  Value loadCodes(const RowPart &part, Value column);
  /// A row of the table that a part belongs to, of which `op` may have a block.
  Value rowInTable(const RowPart &part);

  VectorEmitter &emitter;
  QuantizedMatmulOp op;
  /// The outermost parallel loop around `op`, or null.
  Operation *parallel;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H
