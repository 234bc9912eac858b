//===- TileProduct.cpp - Matrix products of a few rows --------------------===//
#include "TileProduct.h"

using namespace mlir;
using namespace mlir::effattn;

/// Rows of a matrix that are combined at once, and rows of a block that they
/// are added to at once: 16 products for 4 weights and 4 sums, in registers.
static constexpr unsigned kDepth = 4;
static constexpr unsigned kTogether = 4;

using Carried = SmallVector<Value>;

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Value TileEmitter::blockLike(Value tile) {
  return emitter.empty({emitter.sizes(tile)[0], builder.getIndexAttr(kColumns)},
                       builder.getF32Type());
}

Value TileEmitter::tileLike(Value tile) {
  return emitter.empty(emitter.sizes(tile), builder.getF32Type());
}

Value TileEmitter::map(Value tile, Value count, Value columns,
                       function_ref<Value(Value, ValueRange)> function) {
  auto writeRow = [&](Value row, ValueRange outer) {
    return emitter.loop(
        zero, columns, outer, [&](Value column, ValueRange inner) -> Carried {
          SmallVector<Value> at{row, column};
          Value element = function(emit::load(builder, loc, inner[0], at), at);
          return {emitter.insert(element, inner[0], at)};
        });
  };
  return emitter.loop(zero, count, tile, writeRow)[0];
}

Value TileEmitter::clear(Value tile, Value count, Value columns) {
  return map(tile, count, columns,
             [&](Value, ValueRange) { return emit::f32(builder, loc, 0.0); });
}

SmallVector<Value> TileEmitter::overBlocks(
    Value columns, ValueRange carried,
    function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
  Value most = index(kColumns);
  Value blocks = arith::CeilDivUIOp::create(builder, loc, columns, most);
  return emitter.loop(
      zero, blocks, carried, [&](Value block, ValueRange inner) {
        Value first = emit::mul(builder, loc, block, most);
        Value rest = emit::sub(builder, loc, columns, first);
        return body(first, emit::min(builder, loc, most, rest), inner);
      });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

struct TileEmitter::Slab {
  const Matrix &matrix;
  /// The first of `depth` rows, counted from the matrix's first.
  Value first;
  unsigned depth;
  /// The slab in f32; null where the matrix itself is f32.
  Value packed;

  Value weightAt(OpBuilder &builder, Location loc, unsigned number,
                 Value column) const {
    SmallVector<Value> at(matrix.leading);
    Value row = emit::add(builder, loc, matrix.firstRow, first);
    at.push_back(
        emit::add(builder, loc, row, emit::index(builder, loc, number)));
    at.push_back(emit::add(builder, loc, matrix.firstColumn, column));
    return emit::toFloat(builder, loc,
                         emit::load(builder, loc, matrix.tensor, at),
                         builder.getF32Type());
  }
};

Value TileEmitter::pack(const Slab &slab, Value packed) {
  for (unsigned number = 0; number < slab.depth; ++number)
    packed = emitter.loop(zero, slab.matrix.columns, packed,
                          [&](Value column, ValueRange carried) -> Carried {
                            return {emitter.insert(
                                slab.weightAt(builder, loc, number, column),
                                carried[0], ValueRange{index(number), column})};
                          })[0];
  return packed;
}

Value TileEmitter::addSlab(const Slab &slab, Value rows, Value row,
                           unsigned together, Value block) {
  auto sumRow = [&](unsigned member) {
    return emit::add(builder, loc, row, index(member));
  };
  SmallVector<Value> factors;
  for (unsigned member = 0; member < together; ++member)
    for (unsigned number = 0; number < slab.depth; ++number) {
      Value depth = emit::add(builder, loc, slab.first, index(number));
      factors.push_back(
          emit::load(builder, loc, rows, {sumRow(member), depth}));
    }
  auto addToColumn = [&](Value column, ValueRange carried) -> Carried {
    SmallVector<Value> sums;
    for (unsigned member = 0; member < together; ++member)
      sums.push_back(
          emit::load(builder, loc, carried[0], {sumRow(member), column}));
    for (unsigned number = 0; number < slab.depth; ++number) {
      Value weight = slab.packed ? emit::load(builder, loc, slab.packed,
                                              {index(number), column})
                                 : slab.weightAt(builder, loc, number, column);
      for (unsigned member = 0; member < together; ++member) {
        Value factor = factors[member * slab.depth + number];
        Value term = arith::MulFOp::create(builder, loc, factor, weight, flags);
        sums[member] =
            arith::AddFOp::create(builder, loc, sums[member], term, flags);
      }
    }
    Value written = carried[0];
    for (unsigned member = 0; member < together; ++member)
      written = emitter.insert(sums[member], written,
                               ValueRange{sumRow(member), column});
    return {written};
  };
  return emitter.loop(zero, slab.matrix.columns, block, addToColumn)[0];
}

SmallVector<Value> TileEmitter::addSlabs(Value rows, Value count,
                                         const Matrix &matrix, unsigned depth,
                                         Value from, Value to,
                                         ValueRange blockAndPacked) {
  // What is left of the matrix is short: one row of the block at a time.
  unsigned together = depth == kDepth ? kTogether : 1;
  Value groups = arith::DivUIOp::create(builder, loc, count, index(together));
  Value grouped = emit::mul(builder, loc, groups, index(together));
  auto addOne = [&](Value number, ValueRange carried) -> Carried {
    Value first = emit::add(builder, loc, from,
                            emit::mul(builder, loc, number, index(depth)));
    Slab slab{matrix, first, depth, Value()};
    if (carried.size() > 1)
      slab.packed = pack(slab, carried[1]);
    Carried next = emitter.loop(
        zero, groups, carried[0], [&](Value group, ValueRange sums) -> Carried {
          Value row = emit::mul(builder, loc, group, index(together));
          return {addSlab(slab, rows, row, together, sums[0])};
        });
    if (together > 1)
      next = emitter.loop(grouped, count, next,
                          [&](Value row, ValueRange sums) -> Carried {
                            return {addSlab(slab, rows, row, 1, sums[0])};
                          });
    if (slab.packed)
      next.push_back(slab.packed);
    return next;
  };
  Value slabs = arith::DivUIOp::create(
      builder, loc, emit::sub(builder, loc, to, from), index(depth));
  return emitter.loop(zero, slabs, blockAndPacked, addOne);
}

Value TileEmitter::product(Value rows, Value count, const Matrix &matrix,
                           Value block) {
  Carried carried{clear(block, count, matrix.columns)};
  // Other types than f32 are converted once for all rows of the tile.
  Type f32 = builder.getF32Type();
  if (cast<ShapedType>(matrix.tensor.getType()).getElementType() != f32)
    carried.push_back(emitter.empty(
        {builder.getIndexAttr(kDepth), builder.getIndexAttr(kColumns)}, f32));
  Value left = arith::RemUIOp::create(builder, loc, matrix.rows, index(kDepth));
  Value deep = emit::sub(builder, loc, matrix.rows, left);
  carried = addSlabs(rows, count, matrix, kDepth, zero, deep, carried);
  return addSlabs(rows, count, matrix, 1, deep, matrix.rows, carried)[0];
}

SmallVector<Value> TileEmitter::addProduct(Value rows, Value count,
                                           const Matrix &matrix, Value sums,
                                           Value block) {
  auto addBlock = [&](Value first, Value columns, ValueRange outer) -> Carried {
    Matrix part = matrix;
    part.firstColumn = emit::add(builder, loc, matrix.firstColumn, first);
    part.columns = columns;
    Value made = product(rows, count, part, outer[1]);
    auto addRow = [&](Value row, ValueRange middle) {
      auto addElement = [&](Value column, ValueRange inner) -> Carried {
        SmallVector<Value> at{row, emit::add(builder, loc, first, column)};
        Value sum = arith::AddFOp::create(
            builder, loc, emit::load(builder, loc, inner[0], at),
            emit::load(builder, loc, made, {row, column}));
        return {emitter.insert(sum, inner[0], at)};
      };
      return emitter.loop(zero, columns, middle, addElement);
    };
    return {emitter.loop(zero, count, outer[0], addRow)[0], made};
  };
  return overBlocks(matrix.columns, {sums, block}, addBlock);
}
