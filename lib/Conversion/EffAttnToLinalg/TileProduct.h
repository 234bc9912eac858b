//===- TileProduct.h - Matrix products of a few rows ----------------------===//
#ifndef EFFATTN_LIB_CONVERSION_TILEPRODUCT_H
#define EFFATTN_LIB_CONVERSION_TILEPRODUCT_H

#include "LinalgEmitter.h"

namespace mlir::effattn {

/// A matrix inside of a tensor [..., N, M] of any float type: `rows` by
/// `columns` behind the `leading` indices, from an element on.
struct Matrix {
  Value tensor;
  SmallVector<Value> leading;
  Value firstRow, firstColumn;
  Value rows, columns;
};

/// Works on the first `count` rows of tiles, tensors [R, *] of f32. All loops
/// are sequential, and tiles are written in place.
class TileEmitter {
public:
  /// Columns of a block: 16 rows of it, and what is added to them, stay in the
  /// first-level cache.
  static constexpr int64_t kColumns = 256;

  /// `isUniform`: all columns of a product are computed alike, to the bit.
  /// Otherwise a product and its sum may be one instruction in some of them.
  TileEmitter(OpBuilder &builder, Location loc, bool isUniform = false)
      : builder(builder), loc(loc), emitter(builder, loc),
        zero(emit::index(builder, loc, 0)),
        flags(isUniform ? arith::FastMathFlags::none
                        : arith::FastMathFlags::contract) {}

  /// An uninitialised tile of the rows of another: of kColumns columns, whose
  /// rows lie at distances that LLVM knows, or as wide as the other.
  Value blockLike(Value tile);
  Value tileLike(Value tile);

  Value clear(Value tile, Value count, Value columns);
  /// Replaces elements by `function(element, {row, column})`.
  Value map(Value tile, Value count, Value columns,
            function_ref<Value(Value, ValueRange)> function);

  /// block = rows matrix, for a matrix of at most kColumns columns.
  Value product(Value rows, Value count, const Matrix &matrix, Value block);
  /// sums += rows matrix, block by block. Returns sums and block.
  SmallVector<Value> addProduct(Value rows, Value count, const Matrix &matrix,
                                Value sums, Value block);

  /// `body(first, number)` for blocks of at most kColumns of `columns`.
  SmallVector<Value>
  overBlocks(Value columns, ValueRange carried,
             function_ref<SmallVector<Value>(Value, Value, ValueRange)> body);

private:
  /// Some rows of a matrix, which are combined at once.
  struct Slab;
  Value pack(const Slab &slab, Value packed);
  /// Adds combinations of the slab to `together` rows of the block.
  Value addSlab(const Slab &slab, Value rows, Value row, unsigned together,
                Value block);
  SmallVector<Value> addSlabs(Value rows, Value count, const Matrix &matrix,
                              unsigned depth, Value from, Value to,
                              ValueRange blockAndPacked);
  Value index(int64_t value) { return emit::index(builder, loc, value); }

  OpBuilder &builder;
  Location loc;
  LinalgEmitter emitter;
  Value zero;
  arith::FastMathFlags flags;
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_TILEPRODUCT_H
