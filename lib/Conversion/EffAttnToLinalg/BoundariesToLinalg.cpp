//===- BoundariesToLinalg.cpp - Finding and counting boundaries, plainly --===//
#include "ConceptLowering.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
class BoundaryProbabilityLowering : ConceptLowering<BoundaryProbabilityOp> {
public:
  BoundaryProbabilityLowering(OpBuilder &builder, BoundaryProbabilityOp op)
      : ConceptLowering(builder, op) {
    bool isCurrentQuery = op.getPairing() == Pairing::CurrentQuery;
    current = isCurrentQuery ? op.getQuery() : op.getKey();
    earlier = isCurrentQuery ? op.getKey() : op.getQuery();
  }

  SmallVector<Value> run() {
    Value p =
        emitter.generate(op.getP(), [&](OpBuilder &, Location, ValueRange at) {
          return emitToken(at[0], at[1]);
        });
    // p reads `last`, so it is overwritten only now.
    Value last =
        emitter.update(op.getLast(), [&](OpBuilder &, Location, ValueRange at,
                                         Value previous) {
          return emitLast(at[0], at[1], previous);
        });
    return {p, last};
  }

private:
  Value emitToken(Value row, Value token) {
    Value isFirst = emit::equal(builder, loc, token, index(0));
    Value isValid =
        emit::lessThan(builder, loc, token, validTokens(op.getQuery(), row));
    return emitter.choose(
        isValid,
        [&] {
          return emitter.choose(
              isFirst, [&] { return emitFirst(row, token); },
              [&] { return emitLater(row, token); });
        },
        [&] { return emit::f32(builder, loc, 0.0); });
  }

  Value emitFirst(Value row, Value token) {
    auto withoutNeighbour = [&] { return emit::f32(builder, loc, 1.0); };
    auto resumed = [&] {
      return emitDissimilarity({row, token}, op.getLast(), {row});
    };
    if (!op.getResume())
      return withoutNeighbour();
    if (!op.getStarted())
      return resumed();
    return emitter.choose(load(op.getStarted(), row), resumed,
                          withoutNeighbour);
  }

  Value emitLater(Value row, Value token) {
    Value previous = emit::sub(builder, loc, token, index(1));
    auto continued = [&] {
      return emitDissimilarity({row, token}, earlier, {row, previous});
    };
    if (!op.getSequenceIds())
      return continued();
    return emitter.choose(
        differ(op.getSequenceIds(), row, token, previous),
        [&] { return emit::f32(builder, loc, 1.0); }, continued);
  }

  /// (1 - cos) / 2 of a row of `current` and a row of `other`, as f32. The sums
  /// are f64: squares of f32 do not overflow there, and orthogonal vectors come
  /// out at 0.5 in f32 whatever the order of the sum.
  Value emitDissimilarity(ValueRange currentRow, Value other,
                          ValueRange otherRow) {
    Value zero = real(builder.getF64Type(), 0.0);
    SmallVector<Value> sums = emitter.loop(
        index(0), emit::size(builder, loc, current, 2), {zero, zero, zero},
        [&](Value column, ValueRange carried) -> SmallVector<Value> {
          Value x = loadWide(current, currentRow, column);
          Value y = loadWide(other, otherRow, column);
          return {addProduct(carried[0], x, y), addProduct(carried[1], x, x),
                  addProduct(carried[2], y, y)};
        });
    Value norms = arith::MulFOp::create(builder, loc, emitNorm(sums[1]),
                                        emitNorm(sums[2]));
    Value cosine = arith::DivFOp::create(builder, loc, sums[0], norms);
    Value one = real(builder.getF64Type(), 1.0);
    Value half = real(builder.getF64Type(), 0.5);
    Value p = arith::MulFOp::create(
        builder, loc, arith::SubFOp::create(builder, loc, one, cosine), half);
    return emit::toFloat(builder, loc, clamp(p, 0.0, 1.0),
                         builder.getF32Type());
  }

  Value loadWide(Value source, ValueRange leading, Value column) {
    SmallVector<Value> indices(leading);
    indices.push_back(column);
    return emit::toFloat(builder, loc, emitter.extend(load(source, indices)),
                         builder.getF64Type());
  }

  /// sum + x y, in any order, which lets LLVM vectorise the sum. The product of
  /// two f32 is exact in f64.
  Value addProduct(Value sum, Value x, Value y) {
    auto flags = arith::FastMathFlagsAttr::get(
        builder.getContext(),
        arith::FastMathFlags::reassoc | arith::FastMathFlags::contract);
    Value product = arith::MulFOp::create(builder, loc, x, y, flags);
    return arith::AddFOp::create(builder, loc, sum, product, flags);
  }

  Value emitNorm(Value sumOfSquares) {
    Value norm = math::SqrtOp::create(builder, loc, sumOfSquares);
    return arith::MaximumFOp::create(builder, loc, norm,
                                     real(norm.getType(), 1e-12));
  }

  /// The neighbour that the next call needs: the last valid row, else what was
  /// there before, else 0.
  Value emitLast(Value row, Value column, Value previous) {
    Value tokens = validTokens(op.getQuery(), row);
    return emitter.choose(
        emit::equal(builder, loc, tokens, index(0)),
        [&] {
          return op.getResume() ? previous : real(previous.getType(), 0.0);
        },
        [&] {
          Value final = emit::sub(builder, loc, tokens, index(1));
          return load(earlier, {row, final, column});
        });
  }

  /// The operands on the two sides of a pair.
  Value current, earlier;
};

class BoundaryMaskLowering : OpLowering<BoundaryMaskOp> {
public:
  BoundaryMaskLowering(OpBuilder &builder, BoundaryMaskOp op)
      : OpLowering(builder, op), f64(builder.getF64Type()) {}

  Value run() {
    SmallVector<Value> inputs = {op.getP()};
    if (op.getUniforms())
      inputs.push_back(op.getUniforms());
    return emitter.map(
        inputs, op.getMask(), [&](OpBuilder &, Location, ValueRange elements) {
          return op.getUniforms() ? emitDraw(elements[0], elements[1])
                                  : emitDecision(elements[0]);
        });
  }

private:
  Value emitDecision(Value p) {
    auto predicate =
        op.getStrict() ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OGE;
    return arith::CmpFOp::create(builder, loc, predicate, p,
                                 emit::f32(builder, loc, op.getThreshold()));
  }

  /// u < s(p) without roots: u < p^(1/6) is u^6 < p, and u < 1 - (1-p)^(1/6) is
  /// 1 - p < (1-u)^6.
  Value emitDraw(Value p, Value uniform) {
    p = emit::toFloat(builder, loc, p, f64);
    uniform = emit::toFloat(builder, loc, uniform, f64);
    Value likely = emitLess(emitSixthPower(uniform), p);
    Value unlikely =
        emitLess(emitComplement(p), emitSixthPower(emitComplement(uniform)));
    return emit::select(builder, loc, emitLess(real(f64, 0.5), p), likely,
                        unlikely);
  }

  /// max(x, 0)^6: below 0 there is no root that x could exceed.
  Value emitSixthPower(Value x) {
    x = arith::MaximumFOp::create(builder, loc, x, real(f64, 0.0));
    Value square = arith::MulFOp::create(builder, loc, x, x);
    Value fourth = arith::MulFOp::create(builder, loc, square, square);
    return arith::MulFOp::create(builder, loc, fourth, square);
  }

  Value emitComplement(Value x) {
    return arith::SubFOp::create(builder, loc, real(f64, 1.0), x);
  }
  Value emitLess(Value lhs, Value rhs) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, lhs,
                                 rhs);
  }

  Type f64;
};

class BoundaryCountLowering : ConceptLowering<BoundaryCountOp> {
public:
  BoundaryCountLowering(OpBuilder &builder, BoundaryCountOp op)
      : ConceptLowering(builder, op) {}

  SmallVector<Value> run() {
    Value counts = emitter.generate(
        op.getCounts(), [&](OpBuilder &, Location, ValueRange at) {
          return emit::fromIndex(builder, loc, countRow(at[0]),
                                 builder.getI32Type());
        });
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 32);
    SmallVector<Value> largest = emitter.loop(
        index(0), emit::size(builder, loc, counts, 0), zero,
        [&](Value row, ValueRange carried) -> SmallVector<Value> {
          return {emit::max(builder, loc, carried[0], load(counts, row))};
        });
    return {counts, emitter.fill(largest[0], op.getLargest())};
  }

private:
  Value countRow(Value row) {
    return emitter
        .loop(index(0), validTokens(op.getMask(), row), index(0),
              [&](Value token, ValueRange carried) -> SmallVector<Value> {
                Value step = toCount(load(op.getMask(), {row, token}));
                return {emit::add(builder, loc, carried[0], step)};
              })
        .front();
  }
};

class RatioLossLowering : ConceptLowering<RatioLossOp> {
public:
  RatioLossLowering(OpBuilder &builder, RatioLossOp op)
      : ConceptLowering(builder, op), f64(builder.getF64Type()) {}

  Value run() {
    // Sum of p, boundaries and valid tokens over all rows.
    SmallVector<Value> totals =
        emitter.loop(index(0), emit::size(builder, loc, op.getP(), 0),
                     {real(f64, 0.0), index(0), index(0)},
                     [&](Value row, ValueRange carried) -> SmallVector<Value> {
                       Value tokens = validTokens(op.getP(), row);
                       SmallVector<Value> sums =
                           emitter.loop(index(0), tokens, carried.take_front(2),
                                        [&](Value token, ValueRange sums) {
                                          return addToken(row, token, sums);
                                        });
                       return {sums[0], sums[1],
                               emit::add(builder, loc, carried[2], tokens)};
                     });
    Value loss = emit::select(
        builder, loc, emit::equal(builder, loc, totals[2], index(0)),
        real(f64, 0.0), combine(totals[0], totals[1], totals[2]));
    return emitter.fill(emit::toFloat(builder, loc, loss, builder.getF32Type()),
                        op.getLoss());
  }

private:
  SmallVector<Value> addToken(Value row, Value token, ValueRange sums) {
    Value p = emit::toFloat(builder, loc, load(op.getP(), {row, token}), f64);
    auto sum = arith::AddFOp::create(builder, loc, sums[0], p);
    sum.setFastmath(arith::FastMathFlags::reassoc);
    Value step = toCount(load(op.getMask(), {row, token}));
    return {sum, emit::add(builder, loc, sums[1], step)};
  }

  /// R / (R - 1) ((R - 1) F G + (1 - F) (1 - G)).
  Value combine(Value sum, Value boundaries, Value tokens) {
    double ratio = op.getRatio();
    tokens = toReal(tokens);
    Value mean = arith::DivFOp::create(builder, loc, sum, tokens);
    Value share =
        arith::DivFOp::create(builder, loc, toReal(boundaries), tokens);
    Value both = multiply(multiply(real(f64, ratio - 1.0), share), mean);
    Value neither = multiply(complement(share), complement(mean));
    return multiply(real(f64, ratio / (ratio - 1.0)),
                    arith::AddFOp::create(builder, loc, both, neither));
  }

  Value toReal(Value count) {
    Value integer = emit::fromIndex(builder, loc, count, builder.getI64Type());
    return arith::SIToFPOp::create(builder, loc, f64, integer);
  }
  Value multiply(Value lhs, Value rhs) {
    return arith::MulFOp::create(builder, loc, lhs, rhs);
  }
  Value complement(Value x) {
    return arith::SubFOp::create(builder, loc, real(f64, 1.0), x);
  }

  Type f64;
};
} // namespace

void effattn::populateBoundariesToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<BoundaryProbabilityOp, BoundaryProbabilityLowering>,
               LowerOp<BoundaryMaskOp, BoundaryMaskLowering>,
               LowerOp<BoundaryCountOp, BoundaryCountLowering>,
               LowerOp<RatioLossOp, RatioLossLowering>>(patterns.getContext());
}
