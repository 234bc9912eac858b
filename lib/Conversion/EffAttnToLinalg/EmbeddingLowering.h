//===- EmbeddingLowering.h - What the lowerings of tables share -----------===//
#ifndef EFFATTN_LIB_CONVERSION_EMBEDDINGLOWERING_H
#define EFFATTN_LIB_CONVERSION_EMBEDDINGLOWERING_H

#include "OpLowering.h"
#include "effattn/Dialect/EmbeddingOps.h"

namespace mlir::effattn {

/// The row of a result that is to be written.
struct TokenRow {
  /// Where its id stands in `ids`.
  SmallVector<Value> place;
  /// The row is `out[at, :]`.
  Value out;
  SmallVector<Value> at;
  /// Temporaries, which the rows of a block share.
  SmallVector<Value> scratch;
};

/// Writes the rows of `out` [.., C] block by block, the blocks in parallel.
/// `makeScratch` makes the temporaries of a block; `visit` writes one row and
/// returns `out` and the temporaries after that.
Value emitTokenRows(OpBuilder &builder, Location loc, Value out,
                    function_ref<SmallVector<Value>()> makeScratch,
                    function_ref<SmallVector<Value>(const TokenRow &)> visit);

/// Sets `out[at, first + column]` to `value(column)` for every column of
/// [0, width), rounded to the type of `out`.
Value emitColumns(OpBuilder &builder, Location loc, Value out, ValueRange at,
                  Value first, Value width, function_ref<Value(Value)> value);

/// The same for every column of `out`.
Value emitColumns(OpBuilder &builder, Location loc, Value out, ValueRange at,
                  function_ref<Value(Value)> value);

/// quantized_embedding and quantized_matmul.
void populateQuantizedToLinalgPatterns(RewritePatternSet &patterns);
void populateTensorTrainToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CONVERSION_EMBEDDINGLOWERING_H
