//===- TableCodes.h - Codes of quantised tables, four to a word -----------===//
#ifndef EFFATTN_LIB_CODEGEN_GPU_TABLECODES_H
#define EFFATTN_LIB_CODEGEN_GPU_TABLECODES_H

#include "../TableParts.h"
#include "KernelEmitter.h"

namespace mlir::effattn {

/// Reads codes of a table whose rows begin at multiples of 16 bytes and whose
/// groups are whole chunks of 32 columns.
///
/// Whatever their bits, codes become bytes in words of i32: of 8 columns, one
/// word has the even ones and the next the odd ones. A code of 4 bits is in the
/// upper half of its byte, so that it counts 16 times, and -8, like -128 of 8
/// bits, is the byte 0x80.
class TableCodes {
public:
  static constexpr int64_t kChunk = 32;
  /// Bytes that rows begin at multiples of.
  static constexpr int64_t kAlignment = 16;

  /// What a row is the sum of.
  enum Part { Own, Residual, Nearest };
  /// What a thread knows of a row.
  struct Row {
    Value id, isWide, row;
    /// Of the nearest row, null in tables without: its id, or a negative
    /// number, the row of its codes, and how much of it counts.
    Value source, sourceRow, weight;
  };

  TableCodes(KernelEmitter &emitter, TableParts &table)
      : e(emitter), table(table) {}

  static SmallVector<Part> partsOf(const TableParts &table);
  Row enter(Value id);
  /// What a lane has entered. All lanes of the warp have to come here.
  Row enteredBy(Value lane, const Row &row);

  /// Codes of 16 or 32 columns as they are in memory, 4 columns for each word
  /// at most; zeros for a part that a row does not have.
  SmallVector<Value> fetch(const Row &row, Part part, Value column,
                           int64_t columns);
  /// What was fetched as words of bytes. Notes a code out of range.
  SmallVector<Value> spread(const Row &row, Part part, ValueRange fetched);
  /// What the bytes of a group are multiplied by.
  Value scaleOf(const Row &row, Part part, Value group);
  /// Byte `number` of a word as f32.
  Value numberOf(Value word, int64_t number);

private:
  SmallVector<Value> load(const RowPart &part, Value column, int64_t columns);
  RowPart ownPart(const Row &row, bool isWide);
  RowPart nearestPart(const Row &row);
  SmallVector<Value> spreadHalves(ValueRange words);
  SmallVector<Value> spreadBytes(ValueRange words);
  void noteIfBad(const Row &row, Part part, ValueRange words);
  Value permute(Value low, Value high, int64_t selector);
  Value word(int64_t value);

  KernelEmitter &e;
  TableParts &table;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_GPU_TABLECODES_H
