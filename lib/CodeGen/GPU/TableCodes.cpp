//===- TableCodes.cpp - Codes of quantised tables, four to a word ---------===//
#include "TableCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// In every byte of a word.
static constexpr int64_t kSigns = 0x80808080, kOnes = 0x01010101;

Value TableCodes::word(int64_t value) {
  return arith::ConstantIntOp::create(e.builder, e.loc, int32_t(value), 32);
}

/// Four of the bytes of both words, by the digits of the selector.
Value TableCodes::permute(Value low, Value high, int64_t selector) {
  return NVVM::PermuteOp::create(e.builder, e.loc, e.builder.getI32Type(), low,
                                 high, word(selector),
                                 NVVM::PermuteMode::DEFAULT);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<TableCodes::Part> TableCodes::partsOf(const TableParts &table) {
  SmallVector<Part> parts{Own};
  if (table.hasResidual())
    parts.push_back(Residual);
  if (table.hasNearest())
    parts.push_back(Nearest);
  return parts;
}

TableCodes::Row TableCodes::enter(Value id) {
  Row row;
  row.id = id;
  row.isWide = table.isWide(id);
  row.row = table.ownPart(id, /*isWide=*/true).row;
  if (!table.hasNearest())
    return row;
  row.source = table.nearestOf(id);
  Value any = e.max(row.source, e.index(0));
  row.sourceRow = table.ownPart(any, /*isWide=*/true).row;
  row.weight = table.weightOf(id);
  return row;
}

TableCodes::Row TableCodes::enteredBy(Value lane, const Row &row) {
  Type i32 = e.builder.getI32Type();
  auto shown = [&](Value value) -> Value {
    if (!value || value.getType().isF32())
      return value ? e.shuffleFrom(value, lane) : value;
    if (value.getType().isIndex())
      return emit::toIndex(
          e.builder, e.loc,
          e.shuffleFrom(emit::fromIndex(e.builder, e.loc, value, i32), lane));
    Value wide = arith::ExtUIOp::create(e.builder, e.loc, i32, value);
    return arith::TruncIOp::create(e.builder, e.loc, value.getType(),
                                   e.shuffleFrom(wide, lane));
  };
  return {shown(row.id),     shown(row.isWide),    shown(row.row),
          shown(row.source), shown(row.sourceRow), shown(row.weight)};
}

RowPart TableCodes::ownPart(const Row &row, bool isWide) {
  return table.partOf(isWide ? RowPart::Codes8 : RowPart::Codes4, row.row,
                      row.id);
}

RowPart TableCodes::nearestPart(const Row &row) {
  return table.partOf(RowPart::Codes8, row.sourceRow, row.source);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

SmallVector<Value> TableCodes::load(const RowPart &part, Value column,
                                    int64_t columns) {
  int64_t bytes = columns * part.bits() / 8;
  int64_t step = std::min(bytes, kAlignment);
  Value first = column;
  if (part.bits() == 4)
    first = e.quotient(column, 2);
  SmallVector<Value> words;
  for (int64_t byte = 0; byte < bytes; byte += step) {
    Value read = vector::LoadOp::create(
        e.builder, e.loc, VectorType::get(step, e.builder.getI8Type()),
        part.codes, ValueRange{part.row, e.add(first, byte)},
        /*nontemporal=*/false, llvm::MaybeAlign(step));
    Value integers = vector::BitCastOp::create(
        e.builder, e.loc, VectorType::get(step / 4, e.builder.getI32Type()),
        read);
    for (int64_t i = 0; i < step / 4; ++i)
      words.push_back(vector::ExtractOp::create(e.builder, e.loc, integers, i));
  }
  words.resize(columns / 4, word(0));
  return words;
}

SmallVector<Value> TableCodes::fetch(const Row &row, Part part, Value column,
                                     int64_t columns) {
  SmallVector<Type> types(columns / 4, e.builder.getI32Type());
  if (part == Residual)
    return load(table.residualPart(row.id), column, columns);
  if (part == Own)
    return e.choose(
        row.isWide, types,
        [&] { return load(ownPart(row, true), column, columns); },
        [&] { return load(ownPart(row, false), column, columns); });
  return e.choose(
      e.lessEqual(e.index(0), row.source), types,
      [&] { return load(nearestPart(row), column, columns); },
      [&] { return SmallVector<Value>(columns / 4, word(0)); });
}

SmallVector<Value> TableCodes::spreadHalves(ValueRange words) {
  SmallVector<Value> made;
  for (Value halves : words.take_front(words.size() / 2)) {
    Value up = arith::ShLIOp::create(e.builder, e.loc, halves, word(4));
    for (Value both : {up, halves})
      made.push_back(
          arith::AndIOp::create(e.builder, e.loc, both, word(0xF0F0F0F0)));
  }
  return made;
}

SmallVector<Value> TableCodes::spreadBytes(ValueRange words) {
  SmallVector<Value> made;
  for (size_t i = 0; i < words.size(); i += 2)
    for (int64_t selector : {0x6420, 0x7531})
      made.push_back(permute(words[i], words[i + 1], selector));
  return made;
}

SmallVector<Value> TableCodes::spread(const Row &row, Part part,
                                      ValueRange fetched) {
  SmallVector<Value> words;
  if (part == Own)
    words = e.choose(
        row.isWide, fetched.getTypes(), [&] { return spreadBytes(fetched); },
        [&] { return spreadHalves(fetched); });
  else
    words = part == Nearest ? spreadBytes(fetched) : spreadHalves(fetched);
  noteIfBad(row, part, words);
  return words;
}

/// Flipping signs makes 0 of the byte that is no code, and only what is 0
/// borrows from the next byte with its own sign not set.
void TableCodes::noteIfBad(const Row &row, Part part, ValueRange words) {
  Value bad;
  for (Value codes : words) {
    Value flipped =
        arith::XOrIOp::create(e.builder, e.loc, codes, word(kSigns));
    Value less = arith::SubIOp::create(e.builder, e.loc, flipped, word(kOnes));
    // What was no sign before flipping.
    Value isOne = arith::AndIOp::create(e.builder, e.loc, less, codes);
    bad = bad ? arith::OrIOp::create(e.builder, e.loc, bad, isOne).getResult()
              : isOne;
  }
  bad = arith::AndIOp::create(e.builder, e.loc, bad, word(kSigns));
  Value any = arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ne,
                                    bad, word(0));
  e.choose(any, [&] {
    if (part == Residual)
      return table.noteBadRow(RowPart::ResidualCodes, row.id);
    if (part == Nearest)
      return table.noteBadRow(RowPart::Codes8, row.sourceRow);
    e.choose(
        row.isWide, [&] { table.noteBadRow(RowPart::Codes8, row.row); },
        [&] { table.noteBadRow(RowPart::Codes4, row.row); });
  });
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Value TableCodes::scaleOf(const Row &row, Part part, Value group) {
  Value ofByte = emit::f32(e.builder, e.loc, 1.0),
        ofHalf = emit::f32(e.builder, e.loc, 1.0 / 16);
  auto scale = [&](const RowPart &part) {
    return e.loadFloat(part.scales, {part.scaleRow, group});
  };
  if (part == Own)
    return e.mulFloats(scale(ownPart(row, true)),
                       e.select(row.isWide, ofByte, ofHalf));
  if (part == Residual)
    return e.mulFloats(scale(table.residualPart(row.id)), ofHalf);
  return e
      .choose(
          e.lessEqual(e.index(0), row.source),
          TypeRange(e.builder.getF32Type()),
          [&]() -> SmallVector<Value> {
            return {e.mulFloats(row.weight, scale(nearestPart(row)))};
          },
          [&]() -> SmallVector<Value> {
            return {emit::f32(e.builder, e.loc, 0)};
          })
      .front();
}

/// The lowest byte of 2^23 as f32 counts ones.
Value TableCodes::numberOf(Value codes, int64_t number) {
  constexpr int64_t kMagic = 0x4B000000;
  Value flipped = arith::XOrIOp::create(e.builder, e.loc, codes, word(kSigns));
  Value bits = permute(flipped, word(kMagic), 0x7440 | number);
  Value raised =
      arith::BitcastOp::create(e.builder, e.loc, e.builder.getF32Type(), bits);
  return e.subFloats(raised,
                     emit::f32(e.builder, e.loc, double((1 << 23) + 128)));
}
