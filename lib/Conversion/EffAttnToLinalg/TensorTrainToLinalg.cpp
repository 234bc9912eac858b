//===- TensorTrainToLinalg.cpp - Rows of a product of cores ---------------===//
#include "EmbeddingLowering.h"

using namespace mlir;
using namespace mlir::effattn;

/// A size of scratch that no machine has, but whose bytes can be counted.
static constexpr int64_t kMostNumbers = int64_t(1) << 60;

namespace {
/// For each id the product of its matrices, from left to right. The product of
/// cores 0 to c is a matrix [columns so far, r_c], which stands flat in
/// temporary c; the last one is the row.
class TensorTrainLowering : OpLowering<TensorTrainEmbeddingOp> {
public:
  TensorTrainLowering(OpBuilder &builder, TensorTrainEmbeddingOp op)
      : OpLowering(builder, op) {}

  Value run() {
    measure();
    return emitTokenRows(
        builder, loc, op.getOut(), [&] { return makeScratch(); },
        [&](const TokenRow &row) {
          Value id = emit::loadIndex(builder, loc, op.getIds(), row.place);
          SmallVector<Value> products = multiply(digitsOf(id), row.scratch);
          Value out =
              emitColumns(builder, loc, row.out, row.at, [&](Value column) {
                return load(products.back(), column);
              });
          return joinIndices(out, products);
        });
  }

private:
  Value size(size_t core, int64_t dim) {
    return emit::size(builder, loc, op.getCores()[core], dim);
  }

  /// Columns of the product of cores 0 to c, for every c.
  void measure() {
    Value product = index(1);
    for (size_t core = 0; core < op.getCores().size(); ++core) {
      product =
          emit::mulUpTo(builder, loc, product, size(core, 2), kMostNumbers);
      columns.push_back(product);
    }
  }

  SmallVector<Value> makeScratch() {
    SmallVector<Value> products;
    for (size_t core = 0; core < columns.size(); ++core) {
      Value count = emit::mulUpTo(builder, loc, columns[core], size(core, 3),
                                  kMostNumbers);
      products.push_back(
          emitter.empty(OpFoldResult(count), builder.getF32Type()));
    }
    return products;
  }

  /// The row modes of an id, found from the least significant one on, where
  /// no product of modes can overflow.
  SmallVector<Value> digitsOf(Value id) {
    SmallVector<Value> digits(op.getCores().size());
    for (size_t core = digits.size(); core-- > 0;) {
      Value modes = size(core, 1);
      digits[core] = arith::RemUIOp::create(builder, loc, id, modes);
      id = arith::DivUIOp::create(builder, loc, id, modes);
    }
    return digits;
  }

  SmallVector<Value> multiply(ValueRange digits, ValueRange scratch) {
    SmallVector<Value> products{begin(digits[0], scratch[0])};
    for (size_t core = 1; core < digits.size(); ++core)
      products.push_back(
          append(core, digits[core], products.back(), scratch[core]));
    return products;
  }

  /// core_0[0, digit, :, :].
  Value begin(Value digit, Value product) {
    auto element = [&](Value at, Value column, Value behind, Value carried) {
      Value number = emitter.extend(
          load(op.getCores()[0], {index(0), digit, column, behind}));
      return emitter.insert(number, carried, at);
    };
    return overMatrix(0, index(0), product, element);
  }

  /// before core[:, digit, :, :].
  Value append(size_t core, Value digit, Value before, Value product) {
    Value ranks = size(core, 0);
    product = emitter.fill(emit::f32(builder, loc, 0), product);
    auto addRank = [&](Value row, Value rank, Value carried) {
      Value from =
          emit::add(builder, loc, emit::mul(builder, loc, row, ranks), rank);
      Value factor = load(before, from);
      Value first = emit::mul(builder, loc, row, size(core, 2));
      auto element = [&](Value at, Value column, Value behind, Value sums) {
        Value number = emitter.extend(
            load(op.getCores()[core], {rank, digit, column, behind}));
        Value term = arith::MulFOp::create(builder, loc, factor, number);
        Value sum = arith::AddFOp::create(builder, loc, load(sums, at), term);
        return emitter.insert(sum, sums, at);
      };
      return overMatrix(core, first, carried, element);
    };
    return loop(columns[core - 1], product, [&](Value row, Value perRow) {
      return loop(ranks, perRow, [&](Value rank, Value perRank) {
        return addRank(row, rank, perRank);
      });
    });
  }

  /// Visits the elements of a matrix [m, r] of a core: their places in the
  /// product, where the matrix begins at row `first`, column and rank.
  Value overMatrix(size_t core, Value first, Value product,
                   function_ref<Value(Value, Value, Value, Value)> element) {
    bool isLast = core + 1 == columns.size();
    Value ranks = size(core, 3);
    return loop(size(core, 2), product, [&](Value column, Value perColumn) {
      Value row = emit::add(builder, loc, first, column);
      // The last rank is 1: the loop over columns is the innermost.
      if (isLast)
        return element(row, column, index(0), perColumn);
      Value start = emit::mul(builder, loc, row, ranks);
      return loop(ranks, perColumn, [&](Value behind, Value perRank) {
        return element(emit::add(builder, loc, start, behind), column, behind,
                       perRank);
      });
    });
  }

  Value loop(Value count, Value carried,
             function_ref<Value(Value, Value)> body) {
    return emitter.loop(index(0), count, carried,
                        [&](Value counter, ValueRange values) {
                          return SmallVector<Value>{body(counter, values[0])};
                        })[0];
  }

  SmallVector<Value> columns;
};
} // namespace

void effattn::populateTensorTrainToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<TensorTrainEmbeddingOp, TensorTrainLowering>>(
      patterns.getContext());
}
