//===- QuantizedRows.h - Rows of a table of 4-bit and 8-bit codes ---------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H
#define EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H

#include "VectorEmitter.h"
#include "effattn/Dialect/EmbeddingOps.h"

namespace mlir::effattn {

/// Codes and their scales, which a row of the table is the sum of: its own,
/// those of its residual and those of its nearest row.
struct RowPart {
  enum Operand { Codes4, Codes8, ResidualCodes };
  Operand operand;
  Value codes, row;
  int64_t bits() const { return operand == Codes8 ? 8 : 4; }
  Value scales, scaleRow;
  /// f32, what the part is multiplied by; null for 1.
  Value weight;
};

/// A table on memrefs whose rows are contiguous.
class QuantizedRows {
public:
  QuantizedRows(VectorEmitter &emitter, const QuantizedTable &table);

  Value count, width, groups;
  /// Columns of a group; 0 only where there are no columns.
  Value groupWidth;

  /// Whether the row's own codes have 8 bits.
  Value isWide(Value id);
  /// The row's own codes, of which it has been found how many bits they have.
  RowPart ownPart(Value id, bool isWide);
  bool hasResidual() const { return bool(table.residualCodes); }
  RowPart residualPart(Value id);
  bool hasNearest() const { return bool(table.nearest); }
  /// The id of the nearest row, negative for none.
  Value nearestOf(Value id);
  RowPart nearestPart(Value id, Value source);

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
  /// The same for whole parts where a byte of `least`, an integer vector, is
  /// `worst`, which is what the code out of range became as codes were made
  /// positive.
  void watchIf(ArrayRef<RowPart> parts, Value least, int64_t worst);
  /// Emits the checks of what was noted, for `op`. Behind all products: to look
  /// at codes twice would cost as much as to multiply by them.
  void emitCodeChecks(Operation *op);

private:
  void forEachPart(Value id, function_ref<void(const RowPart &)> visit);
  void decodePart(const RowPart &part, Value first, Value end, bool isFirst,
                  function_ref<SmallVector<Value>(Value)> placeOf, Value out);
  Value loadCodes(const RowPart &part, Value column);
  Value loadCode(const RowPart &part, Value column);

  /// The operands with codes that may be looked at, by RowPart::Operand.
  SmallVector<std::pair<StringRef, Value>> codeOperands();

  VectorEmitter &emitter;
  QuantizedTable table;
  /// i64, of each operand the least row that holds a bad code.
  Value badRows;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_QUANTIZEDROWS_H
