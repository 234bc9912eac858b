//===- RowTiles.cpp - Parallel loops over tiles of rows -------------------===//
#include "RowTiles.h"

using namespace mlir;
using namespace mlir::effattn;

SmallVector<Value> effattn::emitDelinearize(OpBuilder &builder, Location loc,
                                            Value place, ValueRange sizes) {
  SmallVector<Value> index(sizes.size());
  for (unsigned dim = sizes.size(); dim-- > 1;) {
    index[dim] = arith::RemUIOp::create(builder, loc, place, sizes[dim]);
    place = arith::DivUIOp::create(builder, loc, place, sizes[dim]);
  }
  if (!index.empty())
    index.front() = place;
  return index;
}

RowTiles::RowTiles(OpBuilder &builder, Location loc, Value tensor)
    : builder(builder), loc(loc), emitter(builder, loc),
      mostRows(emit::index(builder, loc, 1)) {
  unsigned leading = cast<ShapedType>(tensor.getType()).getRank() - 1;
  Value one = emit::index(builder, loc, 1);
  Value room = emit::index(builder, loc, kMaxRows);
  auto ceilDiv = [&](Value lhs, Value rhs) -> Value {
    return arith::CeilDivUIOp::create(builder, loc, lhs, rhs);
  };
  for (unsigned dim = 0; dim < leading; ++dim)
    extents.push_back(emit::size(builder, loc, tensor, dim));
  steps.resize(leading);
  tiles.resize(leading);
  for (unsigned dim = leading; dim-- > 0;) {
    // No tiles where a dimension is 0, but divisors are at least 1.
    Value extent = emit::max(builder, loc, extents[dim], one);
    steps[dim] = ceilDiv(extent, ceilDiv(extent, room));
    tiles[dim] = getAsOpFoldResult(ceilDiv(extents[dim], steps[dim]));
    mostRows = emit::mul(builder, loc, mostRows, steps[dim]);
    // 1 is left where tiles share the dimension: they take more than half.
    room = arith::DivUIOp::create(builder, loc, room, steps[dim]);
  }
}

RowTile RowTiles::tileAt(ValueRange number) {
  RowTile tile{{}, {}, emit::index(builder, loc, 1)};
  for (auto [at, step, extent] : llvm::zip_equal(number, steps, extents)) {
    Value offset = emit::mul(builder, loc, at, step);
    Value rest = emit::sub(builder, loc, extent, offset);
    tile.offsets.push_back(offset);
    tile.sizes.push_back(emit::min(builder, loc, step, rest));
    tile.rows = emit::mul(builder, loc, tile.rows, tile.sizes.back());
  }
  return tile;
}

LinalgEmitter::Slice RowTiles::sliceOf(const RowTile &tile, Value output) {
  LinalgEmitter::Slice slice{{}, emitter.sizes(output)};
  slice.offsets.assign(slice.sizes.size(), builder.getIndexAttr(0));
  for (auto [dim, offset] : llvm::enumerate(tile.offsets))
    slice.offsets[dim] = offset;
  for (auto [dim, size] : llvm::enumerate(tile.sizes))
    slice.sizes[dim] = size;
  return slice;
}

SmallVector<Value> RowTiles::parallel(
    ValueRange outputs, ValueRange perTile,
    function_ref<SmallVector<Value>(const RowTile &, ValueRange)> body) {
  SmallVector<Value> all(outputs);
  llvm::append_range(all, perTile);
  if (tiles.empty())
    return body(tileAt({}), all);
  return emitter.parallel(tiles, all, [&](ValueRange at, ValueRange owners) {
    RowTile tile = tileAt(at);
    SmallVector<LinalgEmitter::Slice> slices;
    SmallVector<Value> parts;
    for (Value output : owners.take_front(outputs.size())) {
      slices.push_back(sliceOf(tile, output));
      parts.push_back(emitter.extract(output, slices.back()));
    }
    for (Value output : owners.drop_front(outputs.size())) {
      slices.push_back(emitter.sliceOf(output, at));
      parts.push_back(emitter.rowOf(output, at));
    }
    parts = body(tile, parts);
    SmallVector<std::pair<Value, LinalgEmitter::Slice>> updated;
    for (auto [part, slice] : llvm::zip_equal(parts, slices))
      updated.emplace_back(part, slice);
    return updated;
  });
}

SmallVector<Value> RowTiles::indexOf(const RowTile &tile, Value row) {
  SmallVector<Value> index = placeOf(tile, row);
  for (auto [at, offset] : llvm::zip_equal(index, tile.offsets))
    at = emit::add(builder, loc, at, offset);
  return index;
}

Value RowTiles::load(const RowTile &tile, Value x) {
  Value rows =
      emitter.empty({getAsOpFoldResult(mostRows), emitter.sizes(x).back()},
                    builder.getF32Type());
  return emitter.loop(
      emit::index(builder, loc, 0), tile.rows, rows,
      [&](Value row, ValueRange carried) -> SmallVector<Value> {
        return {emitter.copyRow(x, indexOf(tile, row), carried[0], row)};
      })[0];
}

Value RowTiles::store(const RowTile &tile, Value rows, Value part) {
  return emitter.loop(
      emit::index(builder, loc, 0), tile.rows, part,
      [&](Value row, ValueRange carried) -> SmallVector<Value> {
        return {emitter.copyRow(rows, row, carried[0], placeOf(tile, row))};
      })[0];
}
