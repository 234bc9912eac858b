//===- VectorQuantizeToLinalg.cpp - Nearest codes, by trying all ----------===//
#include "MemoryLowering.h"
#include "OpLowering.h"
#include "WideSum.h"
#include "effattn/Dialect/MemoryOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Vectors in parallel; all distances are f64.
class QuantizeLowering : OpLowering<VectorQuantizeOp> {
public:
  QuantizeLowering(OpBuilder &builder, VectorQuantizeOp op)
      : OpLowering(builder, op), f64(builder.getF64Type()), zero(index(0)) {}

  SmallVector<Value> run() {
    unsigned leading = cast<ShapedType>(op.getX().getType()).getRank() - 1;
    Value groups = index(op.getGroups());
    width = arith::DivUIOp::create(
        builder, loc, emit::size(builder, loc, op.getX(), leading), groups);
    codeCount = emit::size(builder, loc, op.getCodebook(), 0);
    if (op.getMetric() == Metric::Cosine)
      norms = normsOfCodes();
    return emitter.rows(
        leading, {op.getCodes(), op.getQuantized()},
        [&](ValueRange place, ValueRange parts) -> SmallVector<Value> {
          Value vector = widenRow(emitter.rowOf(op.getX(), place));
          return emitter.loop(zero, groups, parts,
                              [&](Value group, ValueRange carried) {
                                return quantizeGroup(vector, group, carried);
                              });
        });
  }

private:
  /// [C] as f64, so that it is converted once and not for every code.
  Value widenRow(Value row) {
    return emitter.map(row, emitter.empty(emitter.sizes(row), f64),
                       [&](OpBuilder &, Location, ValueRange elements) {
                         return widen(elements[0]);
                       });
  }

  /// The code of one group of a vector and its columns, in `carried`.
  SmallVector<Value> quantizeGroup(Value vector, Value group,
                                   ValueRange carried) {
    Value first = emit::mul(builder, loc, group, width);
    Value code = nearest(vector, group, first);
    Value number = emit::fromIndex(builder, loc, code, builder.getI32Type());
    SmallVector<Value> place;
    if (op.hasGroupDim())
      place.push_back(group);
    Type element = cast<ShapedType>(carried[1].getType()).getElementType();
    auto copy = [&](Value i, ValueRange row) -> SmallVector<Value> {
      Value column = emit::add(builder, loc, first, i);
      Value value = load(op.getCodebook(), {code, column});
      return {emitter.insert(emit::toFloat(builder, loc, value, element),
                             row[0], column)};
    };
    return {emitter.insert(number, carried[0], place),
            emitter.loop(zero, width, carried[1], copy)[0]};
  }

  /// The first code of the least distance. The first NaN is less than all.
  Value nearest(Value vector, Value group, Value first) {
    Value ownNorm;
    if (norms)
      ownNorm = atLeastTiny(root(sumOver([&](Value i) {
        Value x = load(vector, emit::add(builder, loc, first, i));
        return product(x, x);
      })));
    auto visit = [&](Value code, ValueRange best) -> SmallVector<Value> {
      Value distance = norms ? minusCosine(vector, code, group, first, ownNorm)
                             : squaredDistance(vector, code, first);
      Value isLess = compare(arith::CmpFPredicate::ULT, distance, best[0]);
      Value isNumber = compare(arith::CmpFPredicate::ORD, best[0], best[0]);
      Value isBetter = emit::logicalAnd(builder, loc, isLess, isNumber);
      return {emit::select(builder, loc, isBetter, distance, best[0]),
              emit::select(builder, loc, isBetter, code, best[1])};
    };
    Value most = real(f64, std::numeric_limits<double>::infinity());
    return emitter.loop(zero, codeCount, {most, zero}, visit)[1];
  }

  Value squaredDistance(Value vector, Value code, Value first) {
    return sumOver([&](Value i) {
      Value column = emit::add(builder, loc, first, i);
      Value difference =
          arith::SubFOp::create(builder, loc, load(vector, column),
                                widen(load(op.getCodebook(), {code, column})));
      return product(difference, difference);
    });
  }

  Value minusCosine(Value vector, Value code, Value group, Value first,
                    Value ownNorm) {
    Value dot = sumOver([&](Value i) {
      Value column = emit::add(builder, loc, first, i);
      return product(load(vector, column),
                     widen(load(op.getCodebook(), {code, column})));
    });
    Value size = product(ownNorm, load(norms, {code, group}));
    return arith::NegFOp::create(
        builder, loc, arith::DivFOp::create(builder, loc, dot, size));
  }

  /// [Q, groups]: max(|code|, 1e-12).
  Value normsOfCodes() {
    SmallVector<OpFoldResult> sizes{emitter.sizes(op.getCodebook())[0],
                                    builder.getIndexAttr(op.getGroups())};
    return emitter.generate(
        emitter.empty(sizes, f64),
        [&](OpBuilder &, Location, ValueRange place) {
          Value first = emit::mul(builder, loc, place[1], width);
          return atLeastTiny(root(sumOver([&](Value i) {
            Value column = emit::add(builder, loc, first, i);
            Value x = widen(load(op.getCodebook(), {place[0], column}));
            return product(x, x);
          })));
        });
  }

  /// The sum over the columns of a group, in the same order for every code.
  Value sumOver(function_ref<Value(Value)> term) {
    return emitWideSum(builder, loc, width, term);
  }

  Value widen(Value x) { return toF64(builder, loc, x); }
  Value root(Value x) { return math::SqrtOp::create(builder, loc, x); }
  Value atLeastTiny(Value x) {
    return arith::MaximumFOp::create(builder, loc, x, real(f64, 1e-12));
  }
  Value product(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b,
                                 arith::FastMathFlags::contract);
  }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  }

  Type f64;
  Value zero;
  /// Columns of a group, and Q.
  Value width, codeCount;
  /// Of the codes, where the metric is cosine.
  Value norms;
};
} // namespace

void effattn::populateVectorQuantizeToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<VectorQuantizeOp, QuantizeLowering>>(
      patterns.getContext());
}
