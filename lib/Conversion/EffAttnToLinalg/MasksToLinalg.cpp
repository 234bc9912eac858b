//===- MasksToLinalg.cpp - Dense masks, separators, merged attention ------===//
#include "OpLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"
#include "effattn/Dialect/AttentionOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
class MaterializeMaskLowering : OpLowering<MaterializeMaskOp> {
public:
  MaterializeMaskLowering(OpBuilder &builder, MaterializeMaskOp op)
      : OpLowering(builder, op) {}

  Value run() {
    MaskOpInterface mask = op.getRootMask();
    auto keep = [&](OpBuilder &, Location, ValueRange place) -> Value {
      if (!mask)
        return emit::boolean(builder, loc, true);
      Value position =
          emit::add(builder, loc, op.emitOffset(builder, place[0]), place[2]);
      return mask.emitKeep(
          builder, loc,
          {place[0], place[1], place[2], position, place[3], place[3]});
    };
    return emitter.generate(op.getKeep(), keep);
  }
};

class SeparatorPositionsLowering : OpLowering<SeparatorPositionsOp> {
public:
  SeparatorPositionsLowering(OpBuilder &builder, SeparatorPositionsOp op)
      : OpLowering(builder, op) {}

  Value run() {
    ArrayRef<int64_t> separators =
        op.getSeparators().value_or(ArrayRef<int64_t>());
    Value list;
    if (!separators.empty()) {
      // As wide as index, so that no separator is cut to the type of the ids.
      auto type =
          RankedTensorType::get(separators.size(), builder.getIndexType());
      list = arith::ConstantOp::create(
          builder, loc, DenseIntElementsAttr::get(type, separators));
    }
    auto isSeparator = [&](OpBuilder &, Location, ValueRange place) -> Value {
      Value id = emit::loadIndex(builder, loc, op.getIds(), place);
      if (op.getBitmap())
        return load(op.getBitmap(), id);
      if (!list)
        return emit::boolean(builder, loc, false);
      return isListed(list, separators.size(), id);
    };
    return emitter.generate(op.getIsSeparator(), isSeparator);
  }

private:
  /// i1: `id` is in the list. A loop over a constant, which LLVM unrolls where
  /// the list is short.
  Value isListed(Value list, int64_t size, Value id) {
    return emitter.loop(index(0), index(size),
                        emit::boolean(builder, loc, false),
                        [&](Value i, ValueRange carried) -> SmallVector<Value> {
                          return {emit::logicalOr(
                              builder, loc, carried[0],
                              emit::equal(builder, loc, id, load(list, i)))};
                        })[0];
  }
};

/// What one part of merge_attention weighs in a row, and its share of an
/// element. An empty part has weight 0, and what it holds is not looked at.
struct Part {
  Value out;
  Value lse;
  Value weight;
  Value isEmpty;
};

class MergeLowering : OpLowering<MergeAttentionOp> {
public:
  MergeLowering(OpBuilder &builder, MergeAttentionOp op)
      : OpLowering(builder, op) {}

  SmallVector<Value> run() {
    SmallVector<OpFoldResult> sizes = emitter.sizes(op.getLse());
    return emitter.parallel(sizes, {op.getOut(), op.getLse()},
                            [&](ValueRange place, ValueRange outputs) {
                              return lowerRow(place, outputs);
                            });
  }

private:
  Value isMinusInfinity(Value value) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, value,
                                 emit::negativeInfinity(builder, loc));
  }
  Part partOf(Value out, Value lse, Value base) {
    Value distance = arith::SubFOp::create(builder, loc, lse, base);
    return {out, lse, math::ExpOp::create(builder, loc, distance),
            isMinusInfinity(lse)};
  }
  SmallVector<std::pair<Value, LinalgEmitter::Slice>>
  lowerRow(ValueRange place, ValueRange outputs);
};
} // namespace

/// One part's share of element `place`.
static Value shareOf(OpBuilder &builder, Location loc, const Part &part,
                     Value total, ValueRange place) {
  Value value =
      emit::toFloat(builder, loc, emit::load(builder, loc, part.out, place),
                    builder.getF32Type());
  Value weight = arith::DivFOp::create(builder, loc, part.weight, total);
  return emit::select(builder, loc, part.isEmpty, emit::f32(builder, loc, 0.0),
                      arith::MulFOp::create(builder, loc, weight, value));
}

SmallVector<std::pair<Value, LinalgEmitter::Slice>>
MergeLowering::lowerRow(ValueRange place, ValueRange outputs) {
  Value lse1 = emit::load(builder, loc, op.getLse1(), place);
  Value lse2 = emit::load(builder, loc, op.getLse2(), place);
  Value largest = arith::MaximumFOp::create(builder, loc, lse1, lse2);
  Value bothEmpty = isMinusInfinity(largest);
  // -inf - -inf would be NaN.
  Value base = emit::select(builder, loc, bothEmpty,
                            emit::f32(builder, loc, 0.0), largest);
  Part first = partOf(op.getOut1(), lse1, base);
  Part second = partOf(op.getOut2(), lse2, base);
  Value total =
      arith::AddFOp::create(builder, loc, first.weight, second.weight);

  Type element = cast<ShapedType>(outputs[0].getType()).getElementType();
  auto combine = [&](OpBuilder &nested, Location nestedLoc,
                     ValueRange column) -> Value {
    SmallVector<Value> at(place);
    at.push_back(column[0]);
    Value sum = arith::AddFOp::create(
        nested, nestedLoc, shareOf(nested, nestedLoc, first, total, at),
        shareOf(nested, nestedLoc, second, total, at));
    return emit::toFloat(nested, nestedLoc, sum, element);
  };
  Value out = emitter.generate(emitter.rowOf(outputs[0], place), combine);
  Value lse = arith::AddFOp::create(builder, loc, base,
                                    math::LogOp::create(builder, loc, total));
  lse = emit::select(builder, loc, bothEmpty,
                     emit::negativeInfinity(builder, loc), lse);

  Value cell = emitter.insert(lse, emitter.rowOf(outputs[1], place), {});
  return {{out, emitter.sliceOf(outputs[0], place)},
          {cell, emitter.sliceOf(outputs[1], place)}};
}

void effattn::populateMasksToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerOp<MaterializeMaskOp, MaterializeMaskLowering>,
               LowerOp<SeparatorPositionsOp, SeparatorPositionsLowering>,
               LowerOp<MergeAttentionOp, MergeLowering>>(patterns.getContext());
}
