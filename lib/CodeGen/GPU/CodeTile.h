//===- CodeTile.h - Codes of a table in shared memory ---------------------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_CODETILE_H
#define EFFATTN_LIB_CODEGEN_GPU_CODETILE_H

#include "TableCodes.h"
#include "TileProduct.h"

namespace mlir::effattn {

/// Fills tiles with the codes of rows of a table as bf16 or f16, or as pairs of
/// bytes in i16 in the order of TableCodes. A pass is a part of the rows. Two
/// threads fill a line, which is in one group.
class CodeTile : public TileLoader {
public:
  /// `steps` of bytes are f32 [row, group], null for other activations.
  CodeTile(TableParts &table, Value rows, Value steps)
      : table(table), rows(rows), steps(steps) {
    scalesRows = bool(steps);
  }

  int64_t passes() const override { return TableCodes::partsOf(table).size(); }
  void begin(KernelEmitter &emitter, const TileLayout &layout, Value shared,
             Value firstRow, Value firstColumn) override;
  SmallVector<Value> fetch(int64_t pass, Value depth) override;
  void place(int64_t pass, Value slot, ValueRange fetched) override;

private:
  TableCodes::Part partOf(int64_t pass) const {
    return TableCodes::partsOf(table)[pass];
  }
  bool isOfBytes() const { return element.isInteger(); }
  Value isFirst();
  Value loadScale(int64_t pass, Value column);
  /// 8 elements at `column` of this thread's line.
  void store(Value slot, int64_t column, ArrayRef<Value> words);

  TableParts &table;
  Value rows, steps;
  KernelEmitter *kernel = nullptr;
  std::optional<TableCodes> codes;
  Type element;
  /// The line of this thread, and which half of it.
  Value shared, line, half;
  TableCodes::Row row;
  /// The row of activations whose step this thread loads.
  Value stepRow;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_CODETILE_H
