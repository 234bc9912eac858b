//===- TensorTrainToLinalg.cpp - Rows of a product of cores ---------------===//
#include "EmbeddingLowering.h"

using namespace mlir;
using namespace mlir::effattn;

/// A size of scratch that no machine has, but whose bytes can be counted.
static constexpr int64_t kMostNumbers = int64_t(1) << 60;

namespace {
/// For each id the product of its matrices, from left to right. Core c without
/// its row mode is a matrix [r_{c-1}, m_c r_c], and the product of cores 0 to c
/// one of [columns so far, r_c], which is also [columns before, m_c r_c]. A row
/// of a core is laid flat and added to all rows of the product, so that cores
/// are read once and the innermost loop is long and contiguous.
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
          SmallVector<Value> done = multiply(digitsOf(id), row.scratch);
          Value product = done[columns.size() - 1];
          Value out =
              emitColumns(builder, loc, row.out, row.at,
                          [&](Value column) { return load(product, column); });
          return joinIndices(out, done);
        });
  }

private:
  using Carried = SmallVector<Value>;

  Value size(size_t core, int64_t dim) {
    return emit::size(builder, loc, op.getCores()[core], dim);
  }
  Value times(Value a, Value b) {
    return emit::mulUpTo(builder, loc, a, b, kMostNumbers);
  }

  void measure() {
    Value product = index(1);
    widest = index(0);
    for (size_t core = 0; core < op.getCores().size(); ++core) {
      widths.push_back(times(size(core, 2), size(core, 3)));
      widest = emit::max(builder, loc, widest, widths.back());
      product = times(product, size(core, 2));
      columns.push_back(product);
    }
  }

  /// The products, and a row of a core.
  Carried makeScratch() {
    Carried scratch;
    auto add = [&](Value count) {
      scratch.push_back(
          emitter.empty(OpFoldResult(count), builder.getF32Type()));
    };
    for (size_t core = 0; core < columns.size(); ++core)
      add(times(columns[core], size(core, 3)));
    if (columns.size() > 1)
      add(widest);
    return scratch;
  }

  /// The row modes of an id, found from the least significant one on, where
  /// no product of modes can overflow.
  Carried digitsOf(Value id) {
    Carried digits(op.getCores().size());
    for (size_t core = digits.size(); core-- > 0;) {
      Value modes = size(core, 1);
      digits[core] = arith::RemUIOp::create(builder, loc, id, modes);
      id = arith::DivUIOp::create(builder, loc, id, modes);
    }
    return digits;
  }

  /// The scratch with the products in it.
  Carried multiply(ValueRange digits, Carried scratch) {
    scratch[0] = pick(0, index(0), digits[0], scratch[0]);
    for (size_t core = 1; core < digits.size(); ++core)
      std::tie(scratch[core], scratch.back()) = append(
          core, digits[core], scratch[core - 1], scratch[core], scratch.back());
    return scratch;
  }

  /// core[rank, digit, :, :], flat.
  Value pick(size_t core, Value rank, Value digit, Value flat) {
    Value source = op.getCores()[core];
    Value ranks = size(core, 3);
    return loop(size(core, 2), flat, [&](Value column, Value carried) {
      Value start = emit::mul(builder, loc, column, ranks);
      return emitColumns(
          builder, loc, carried, {}, start, ranks, [&](Value behind) {
            return emitter.extend(load(source, {rank, digit, column, behind}));
          });
    });
  }

  /// The product of the cores before with the matrix of `core`, and the memory
  /// that its rows went through.
  std::pair<Value, Value> append(size_t core, Value digit, Value before,
                                 Value product, Value flat) {
    Value ranks = size(core, 0), width = widths[core];
    product = emitter.fill(emit::f32(builder, loc, 0), product);
    auto addRank = [&](Value rank, ValueRange carried) -> Carried {
      Value picked = pick(core, rank, digit, carried[1]);
      auto addRow = [&](Value row, Value sums) {
        Value factor = load(before, place(row, ranks, rank));
        Value first = emit::mul(builder, loc, row, width);
        return loop(width, sums, [&](Value column, Value inner) {
          Value at = emit::add(builder, loc, first, column);
          Value term =
              arith::MulFOp::create(builder, loc, factor, load(picked, column));
          Value sum =
              arith::AddFOp::create(builder, loc, load(inner, at), term);
          return emitter.insert(sum, inner, at);
        });
      };
      return {loop(columns[core - 1], carried[0], addRow), picked};
    };
    Carried done = emitter.loop(index(0), ranks, {product, flat}, addRank);
    return {done[0], done[1]};
  }

  /// Where an element of a flat matrix is.
  Value place(Value row, Value width, Value column) {
    return emit::add(builder, loc, emit::mul(builder, loc, row, width), column);
  }

  Value loop(Value count, Value carried,
             function_ref<Value(Value, Value)> body) {
    return emitter.loop(index(0), count, carried,
                        [&](Value counter, ValueRange values) {
                          return Carried{body(counter, values[0])};
                        })[0];
  }

  /// Columns of the product of cores 0 to c, and of the matrix of core c.
  Carried columns, widths;
  /// The most columns of a matrix.
  Value widest;
};
} // namespace

void effattn::populateTensorTrainToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<TensorTrainEmbeddingOp, TensorTrainLowering>>(
      patterns.getContext());
}
