//===- CodeTile.cpp - Codes of a table in shared memory -------------------===//
#include "CodeTile.h"
#include "TensorCores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::effattn;

/// Threads that fill a line, and columns of each.
static constexpr int64_t kThreads = 2, kColumns = TableCodes::kChunk / kThreads;
/// Elements that are stored at a time.
static constexpr int64_t kStored = 8;

void CodeTile::begin(KernelEmitter &e, const TileLayout &layout, Value tiles,
                     Value firstRow, Value firstColumn) {
  assert(e.threads() == kThreads * layout.lines && "threads for all lines");
  kernel = &e;
  codes.emplace(e, table);
  element = layout.element;
  shared = tiles;
  line = e.quotient(e.thread(), kThreads);
  half = e.remainder(e.thread(), kThreads);
  auto clamp = [&](Value number, Value count) {
    return e.min(number, e.sub(count, e.index(1)));
  };
  row = codes->enter(clamp(e.add(firstColumn, line), table.count));
  // Tiles have as many rows as columns.
  if (scalesRows)
    stepRow = clamp(e.add(firstRow, line), rows);
  scales =
      e.shared({layout.slots, kThreads, layout.lines}, e.builder.getF32Type());
}

Value CodeTile::isFirst() { return kernel->equal(half, kernel->index(0)); }

/// The scale of this thread's line, or the step of its row.
Value CodeTile::loadScale(int64_t pass, Value column) {
  KernelEmitter &e = *kernel;
  Value group = table.groupOf(column);
  return e
      .choose(
          isFirst(), TypeRange(e.builder.getF32Type()),
          [&]() -> SmallVector<Value> {
            return {codes->scaleOf(row, partOf(pass), group)};
          },
          [&]() -> SmallVector<Value> {
            return {scalesRows ? e.loadFloat(steps, {stepRow, group})
                               : emit::f32(e.builder, e.loc, 0)};
          })
      .front();
}

SmallVector<Value> CodeTile::fetch(int64_t pass, Value depth) {
  KernelEmitter &e = *kernel;
  Value column = isOfBytes() ? e.mul(depth, 2) : depth;
  SmallVector<Type> types(kColumns / 4, e.builder.getI32Type());
  types.push_back(e.builder.getF32Type());
  return e.choose(
      e.lessThan(column, table.width), types,
      [&] {
        SmallVector<Value> fetched = codes->fetch(
            row, partOf(pass), e.add(column, e.mul(half, kColumns)), kColumns);
        fetched.push_back(loadScale(pass, column));
        return fetched;
      },
      [&] {
        SmallVector<Value> zeros;
        for (Type type : types)
          zeros.push_back(arith::ConstantOp::create(
              e.builder, e.loc, e.builder.getZeroAttr(type)));
        return zeros;
      });
}

void CodeTile::store(Value slot, int64_t column, ArrayRef<Value> words) {
  KernelEmitter &e = *kernel;
  Value all = vector::FromElementsOp::create(
      e.builder, e.loc, VectorType::get(words.size(), e.builder.getI32Type()),
      words);
  all = vector::BitCastOp::create(e.builder, e.loc,
                                  VectorType::get(kStored, element), all);
  Value first = e.mul(half, isOfBytes() ? kColumns / 2 : kColumns);
  vector::StoreOp::create(e.builder, e.loc, all, shared,
                          ValueRange{slot, line, e.add(first, column)},
                          /*nontemporal=*/false,
                          llvm::MaybeAlign(TableCodes::kAlignment));
}

void CodeTile::place(int64_t pass, Value slot, ValueRange fetched) {
  KernelEmitter &e = *kernel;
  SmallVector<Value> words =
      codes->spread(row, partOf(pass), fetched.drop_back());
  auto storeScale = [&] {
    memref::StoreOp::create(e.builder, e.loc, fetched.back(), scales,
                            ValueRange{slot, half, line});
  };
  if (scalesRows)
    storeScale();
  else
    e.choose(isFirst(), storeScale);
  if (isOfBytes())
    return store(slot, 0, words);
  TensorCores cores(e, element);
  // A word has even columns, the next one the odd ones between them.
  for (size_t i = 0; i < words.size(); i += 2) {
    SmallVector<Value> pairs;
    for (int64_t byte = 0; byte < 4; ++byte)
      pairs.push_back(cores.pack(codes->numberOf(words[i], byte),
                                 codes->numberOf(words[i + 1], byte)));
    store(slot, i / 2 * kStored, pairs);
  }
}
