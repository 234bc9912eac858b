//===- TableParts.h - What rows of a quantised table are sums of ----------===//
#ifndef EFFATTN_LIB_CODEGEN_TABLEPARTS_H
#define EFFATTN_LIB_CODEGEN_TABLEPARTS_H

#include "LoopEmitter.h"
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

/// Both halves of bytes as numbers with a sign, the low half first.
std::pair<Value, Value> splitBytes(LoopEmitter &emitter, Value bytes);

/// A table on memrefs.
class TableParts {
public:
  TableParts(LoopEmitter &emitter, const QuantizedTable &table);

  Value count, width, groups;
  /// Columns of a group; 0 only where there are no columns.
  Value groupWidth;
  /// That of a column, which 32 bits hold.
  Value groupOf(Value column);

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
  /// Row `row` of the codes of an operand, as it counts for id `id`.
  RowPart partOf(RowPart::Operand operand, Value row, Value id);
  Value weightOf(Value id);
  /// Visits all parts of a row: its own in two branches, of which one runs, and
  /// that of its nearest row where there is one.
  void forEachPart(Value id, function_ref<void(const RowPart &)> visit);

  /// The code of a column as i8, and as f32.
  Value loadCode(const RowPart &part, Value column);
  Value loadNumber(const RowPart &part, Value column);

  /// The operands with codes that may be looked at, by RowPart::Operand.
  SmallVector<std::pair<StringRef, Value>> codeOperands();
  /// Sets memory apart for what is noted: i64, a number for each of
  /// codeOperands().
  void clearBadRows(Value memory);
  /// Notes that a row of codes holds one that is out of its range. Other
  /// threads may have found other rows.
  void noteBadRow(RowPart::Operand operand, Value row);
  /// Emits the check of what was noted of an operand, for `op`.
  void emitBadRowCheck(Operation *op, RowPart::Operand operand);

protected:
  QuantizedTable table;

private:
  /// More than any row.
  Value noRow();

  LoopEmitter &loops;
  /// Of each operand the least row that holds a bad code.
  Value badRows;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_TABLEPARTS_H
