//===- MaskColumns.cpp - Find and gather the columns of a mask ------------===//
#include "MaskColumns.h"

using namespace mlir;
using namespace mlir::effattn;

/// Computes every row of `table` [B, n], in parallel.
static Value
computeRows(LinalgEmitter &emitter, Value table,
            function_ref<Value(Value batch, Value tableRow)> body) {
  auto computeRow = [&](ValueRange place, ValueRange outputs) {
    Value computed = body(place[0], emitter.rowOf(outputs[0], place));
    return SmallVector<std::pair<Value, LinalgEmitter::Slice>>{
        {computed, emitter.sliceOf(outputs[0], place)}};
  };
  return emitter.parallel(emitter.sizes(table)[0], table, computeRow)[0];
}

/// [B, S + 1]: how many columns of a batch row stand before each key.
static Value countColumns(LinalgEmitter &emitter, OpBuilder &builder,
                          Location loc, MaskOpInterface mask, Value keys) {
  Type indexType = builder.getIndexType();
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value keyCount = emit::size(builder, loc, keys, 2);
  OpFoldResult entries = emit::add(builder, loc, keyCount, one);
  Value table = emitter.empty({emitter.sizes(keys)[0], entries}, indexType);
  auto countRow = [&](Value batch, Value counts) {
    auto countKey = [&](Value key, ValueRange carried) {
      MaskPoint point{batch, zero, zero, zero, key, key};
      Value isColumn = mask.emitColumn(builder, loc, point);
      Value count = emit::add(
          builder, loc, carried[1],
          arith::IndexCastUIOp::create(builder, loc, indexType, isColumn));
      Value next = emit::add(builder, loc, key, one);
      return SmallVector<Value>{emitter.insert(count, carried[0], next), count};
    };
    Value first = emitter.insert(zero, counts, zero);
    return emitter.loop(zero, keyCount, {first, zero}, countKey)[0];
  };
  return computeRows(emitter, table, countRow);
}

/// The largest number of columns of a batch row.
static Value largestCount(LinalgEmitter &emitter, OpBuilder &builder,
                          Location loc, Value keys, Value prefix) {
  Value zero = emit::index(builder, loc, 0);
  Value batch = emit::size(builder, loc, keys, 0);
  Value keyCount = emit::size(builder, loc, keys, 2);
  return emitter.loop(zero, batch, zero, [&](Value row, ValueRange carried) {
    Value count = emit::load(builder, loc, prefix, {row, keyCount});
    return SmallVector<Value>{emit::max(builder, loc, carried[0], count)};
  })[0];
}

/// [B, N]: the columns of each batch row in ascending order.
static Value listColumns(LinalgEmitter &emitter, OpBuilder &builder,
                         Location loc, Value keys, Value prefix,
                         OpFoldResult count) {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value keyCount = emit::size(builder, loc, keys, 2);
  // Every entry is a key, so that gathering needs no guard.
  Value table = emitter.filled({emitter.sizes(keys)[0], count}, zero);
  auto listRow = [&](Value batch, Value list) {
    auto listKey = [&](Value key, ValueRange carried) {
      Value next = emit::add(builder, loc, key, one);
      Value before = emit::load(builder, loc, prefix, {batch, key});
      Value after = emit::load(builder, loc, prefix, {batch, next});
      Value isColumn = emit::lessThan(builder, loc, before, after);
      return emitter.when(isColumn, carried, [&] {
        return SmallVector<Value>{emitter.insert(key, carried[0], before)};
      });
    };
    return emitter.loop(zero, keyCount, list, listKey)[0];
  };
  return computeRows(emitter, table, listRow);
}

/// The rows of `source` [B, G, S, width] that the columns name.
static Value gather(LinalgEmitter &emitter, OpBuilder &builder, Value source,
                    Value indices, Value count) {
  Location loc = source.getLoc();
  Value zero = emit::index(builder, loc, 0);
  SmallVector<OpFoldResult> sizes = emitter.sizes(source);
  sizes[2] = count;
  Type element = cast<ShapedType>(source.getType()).getElementType();
  auto gatherHead = [&](ValueRange place, ValueRange outputs) {
    auto copyRow = [&](Value column, ValueRange carried) -> SmallVector<Value> {
      Value key = emit::load(builder, loc, indices, {place[0], column});
      Value from = emitter.rowOf(source, {place[0], place[1], key});
      Value to = emitter.rowOf(carried[0], column);
      Value copied =
          linalg::CopyOp::create(builder, loc, from, to).getResult(0);
      return {emitter.insertRow(copied, carried[0], column)};
    };
    Value head = emitter.rowOf(outputs[0], place);
    Value gathered = emitter.loop(zero, count, head, copyRow)[0];
    return SmallVector<std::pair<Value, LinalgEmitter::Slice>>{
        {gathered, emitter.sliceOf(outputs[0], place)}};
  };
  return emitter.parallel({sizes[0], sizes[1]}, emitter.empty(sizes, element),
                          gatherHead)[0];
}

MaskColumns effattn::gatherColumns(LinalgEmitter &emitter, OpBuilder &builder,
                                   Location loc, MaskOpInterface mask,
                                   Value keys, ValueRange values) {
  MaskColumns columns;
  columns.prefix = countColumns(emitter, builder, loc, mask, keys);
  Value count = largestCount(emitter, builder, loc, keys, columns.prefix);
  columns.indices =
      listColumns(emitter, builder, loc, keys, columns.prefix, count);
  columns.keys = gather(emitter, builder, keys, columns.indices, count);
  for (Value stream : values)
    columns.values.push_back(
        gather(emitter, builder, stream, columns.indices, count));
  return columns;
}
