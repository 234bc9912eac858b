//===- NormsToLinalg.cpp - Norms of rows ----------------------------------===//
#include "OpLowering.h"
#include "WideSum.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/NormOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Rows in parallel; a row is read once for every sum and once to be written.
template <typename Op> class NormLowering : protected OpLowering<Op> {
protected:
  using OpLowering<Op>::OpLowering;
  using OpLowering<Op>::op;
  using OpLowering<Op>::builder;
  using OpLowering<Op>::loc;
  using OpLowering<Op>::emitter;

  /// The element of a row or of a weight, f64.
  Value loadWide(Value source, ValueRange row, Value column) {
    SmallVector<Value> at(row);
    at.push_back(column);
    return toF64(builder, loc, this->load(source, at));
  }

  /// `norm(row)` gives a function of columns: the elements of that row of out,
  /// f64.
  using Row = std::function<Value(Value)>;
  SmallVector<Value> overRows(function_ref<Row(ValueRange)> norm) {
    auto type = cast<ShapedType>(op.getOut().getType());
    auto writeRow = [&](ValueRange row, ValueRange parts) {
      Row element = norm(row);
      return emitter.loop(
          this->index(0), columns(), parts,
          [&](Value column, ValueRange out) -> SmallVector<Value> {
            Value rounded =
                emit::toFloat(builder, loc,
                              emit::toFloat(builder, loc, element(column),
                                            builder.getF32Type()),
                              type.getElementType());
            return {emitter.insert(rounded, out[0], column)};
          });
    };
    return emitter.rows(type.getRank() - 1, op.getOut(), writeRow);
  }

  Value columns() { return emit::size(builder, loc, op.getWeight(), 0); }
  Value times(Value lhs, Value rhs) {
    return arith::MulFOp::create(builder, loc, lhs, rhs);
  }
};

class RMSNormLowering : NormLowering<RMSNormOp> {
public:
  RMSNormLowering(OpBuilder &builder, RMSNormOp op)
      : NormLowering(builder, op) {}

  SmallVector<Value> run() {
    return overRows([&](ValueRange leading) -> Row {
      SmallVector<Value> row(leading);
      Value inverse = emitInverseRms(
          builder, loc, columns(), op.getEpsilon(),
          [&](Value column) { return loadWide(op.getX(), row, column); });
      return [=](Value column) {
        return times(times(loadWide(op.getX(), row, column), inverse),
                     factor(column));
      };
    });
  }

private:
  Value factor(Value column) {
    Value weight = loadWide(op.getWeight(), {}, column);
    if (!op.getUnitOffset())
      return weight;
    return arith::AddFOp::create(builder, loc, real(builder.getF64Type(), 1.0),
                                 weight);
  }
};

class LayerNormLowering : NormLowering<LayerNormOp> {
public:
  LayerNormLowering(OpBuilder &builder, LayerNormOp op)
      : NormLowering(builder, op) {}

  SmallVector<Value> run() {
    return overRows([&](ValueRange leading) -> Row {
      SmallVector<Value> row(leading);
      Value sum = emitWideSum(builder, loc, columns(), [&](Value column) {
        return loadWide(op.getX(), row, column);
      });
      Value mean = arith::DivFOp::create(builder, loc, sum,
                                         toF64(builder, loc, columns()));
      Row centred = [=](Value column) -> Value {
        return arith::SubFOp::create(builder, loc,
                                     loadWide(op.getX(), row, column), mean);
      };
      Value inverse =
          emitInverseRms(builder, loc, columns(), op.getEpsilon(), centred);
      return [=](Value column) -> Value {
        Value out = times(times(centred(column), inverse),
                          loadWide(op.getWeight(), {}, column));
        if (!op.getBias())
          return out;
        return arith::AddFOp::create(builder, loc, out,
                                     loadWide(op.getBias(), {}, column));
      };
    });
  }
};
} // namespace

void effattn::populateNormsToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<RMSNormOp, RMSNormLowering>,
               LowerOp<LayerNormOp, LayerNormLowering>>(patterns.getContext());
}
