//===- SystematicAttentionToLinalg.cpp - Two streams, relative tables -----===//
#include "AttentionLowering.h"
#include "OpLowering.h"
#include "effattn/Dialect/AttentionOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// A row of a relative table that is not its first or last belongs to one key
/// at most, so it is read where that key is. All keys further away share the
/// first row, or the last: their products with the query are taken once a query
/// row, and their weights are summed before these rows are multiplied by them.
class SystematicLowering : public AttentionLowering {
public:
  SystematicLowering(OpBuilder &builder, SystematicAttentionOp op)
      : AttentionLowering(builder, op.getLoc(),
                          {op.getQuery(),
                           op.getKey(),
                           {op.getValue(), op.getValue2()},
                           {op.getOut(), op.getOut2()},
                           /*lse=*/Value(),
                           /*keyPositions=*/Value(),
                           op.getRootMask()}),
        op(op) {
    Value table =
        op.getRelativeKeys() ? op.getRelativeKeys() : op.getRelativeValues();
    if (!table)
      return;
    last = emit::sub(builder, loc, emit::size(builder, loc, table, 0), one);
    reach = arith::DivUIOp::create(builder, loc, last,
                                   emit::index(builder, loc, 2));
  }

private:
  Value emitOffset(Value) override { return op.emitOffset(builder); }

  /// Where a key stands as seen by a query: the row of the tables, whether it
  /// is the first or last, and which of them: 0 or 1.
  struct Relation {
    Value row;
    Value isFar;
    Value side;
  };
  Relation relationOf(const QueryRow &row, Value keyIndex) {
    Value distance = emit::sub(builder, loc, keyIndex, row.position);
    Value tableRow =
        clamp(emit::add(builder, loc, distance, reach), zero, last);
    Value isFirst = emit::equal(builder, loc, tableRow, zero);
    Value isLast = emit::equal(builder, loc, tableRow, last);
    return {tableRow, emit::logicalOr(builder, loc, isFirst, isLast),
            emit::select(builder, loc, isFirst, zero, one)};
  }

  /// <q, a> for a row of the table.
  Value productWithTable(const QueryRow &row, Value tableRow) {
    return product(row, [&](Value d) {
      return emit::load(builder, loc, op.getRelativeKeys(), {tableRow, d});
    });
  }
  void beginRow(const QueryRow &row) override {
    if (op.getRelativeKeys())
      farProducts = {productWithTable(row, zero), productWithTable(row, last)};
  }
  Value emitScore(const QueryRow &row, const MaskPoint &point,
                  Value product) override {
    if (op.getRelativeKeys()) {
      Relation relation = relationOf(row, point.keyIndex);
      Value isFirst = emit::equal(builder, loc, relation.side, zero);
      Value relative = emitter.choose(
          relation.isFar,
          [&] {
            return emit::select(builder, loc, isFirst, farProducts[0],
                                farProducts[1]);
          },
          [&] { return productWithTable(row, relation.row); });
      product = arith::AddFOp::create(builder, loc, product, relative);
    }
    return arith::MulFOp::create(builder, loc, op.emitScale(builder), product);
  }

  /// Rows of relative_values that keys nearby weigh, and the weights of the
  /// first row and of the last.
  SmallVector<OpFoldResult> extraSums() override {
    if (!op.getRelativeValues())
      return {};
    return {emitter.sizes(op.getRelativeValues())[1], builder.getIndexAttr(2)};
  }
  SmallVector<Value> addToExtraSums(const QueryRow &row, Value keyIndex,
                                    Value weight, ValueRange sums) override {
    Relation relation = relationOf(row, keyIndex);
    auto branch = scf::IfOp::create(builder, loc, sums.getTypes(),
                                    relation.isFar, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    Value weights = arith::AddFOp::create(
        builder, loc, emit::load(builder, loc, sums[1], relation.side), weight);
    weights = emitter.insert(weights, sums[1], relation.side);
    scf::YieldOp::create(builder, loc, ValueRange{sums[0], weights});
    builder.setInsertionPointToStart(branch.elseBlock());
    Value near = emitter.update(
        sums[0], [&](OpBuilder &, Location, ValueRange place, Value previous) {
          return addWeighted(previous, weight, relation.row, place[0]);
        });
    scf::YieldOp::create(builder, loc, ValueRange{near, sums[1]});
    return llvm::to_vector<4>(ValueRange(branch.getResults()));
  }
  void endRow(ValueRange sums) override {
    if (op.getRelativeValues())
      farWeights = {emit::load(builder, loc, sums[3], zero),
                    emit::load(builder, loc, sums[3], one)};
  }
  Value emitSum(unsigned number, ValueRange sums, Value column) override {
    Value sum = emit::load(builder, loc, sums[number], column);
    if (!op.getRelativeValues())
      return sum;
    sum = arith::AddFOp::create(builder, loc, sum,
                                emit::load(builder, loc, sums[2], column));
    for (auto [weight, tableRow] :
         {std::pair(farWeights[0], zero), std::pair(farWeights[1], last)}) {
      // A row that no key weighs may hold anything, NaN included.
      Value isUsed =
          arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, weight,
                                emit::f32(builder, loc, 0.0));
      sum = emit::select(builder, loc, isUsed,
                         addWeighted(sum, weight, tableRow, column), sum);
    }
    return sum;
  }
  /// sum + weight b[row, column].
  Value addWeighted(Value sum, Value weight, Value tableRow, Value column) {
    auto contract = arith::FastMathFlags::contract;
    Value b = emitter.extend(
        emit::load(builder, loc, op.getRelativeValues(), {tableRow, column}));
    Value term = arith::MulFOp::create(builder, loc, weight, b, contract);
    return arith::AddFOp::create(builder, loc, sum, term, contract);
  }

  SystematicAttentionOp op;
  /// 2R and R; null without tables.
  Value last, reach;
  /// <q, a> of the first row and of the last, and the weights of these rows.
  SmallVector<Value, 2> farProducts, farWeights;
};
} // namespace

void effattn::populateSystematicAttentionToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<SystematicAttentionOp, SystematicLowering>>(
      patterns.getContext());
}
