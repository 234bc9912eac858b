//===- EmbeddingsToLinalg.cpp - Rows of tables ----------------------------===//
#include "EmbeddingLowering.h"
#include "effattn/Conversion/EffAttnToLinalg.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Rows of a result
//===----------------------------------------------------------------------===//

/// Rows of a block, which share its temporaries. Few, so that the ids of one
/// short sequence are work for several threads.
static constexpr int64_t kBlock = 16;

Value effattn::emitTokenRows(
    OpBuilder &builder, Location loc, Value out,
    function_ref<SmallVector<Value>()> makeScratch,
    function_ref<SmallVector<Value>(const TokenRow &)> visit) {
  auto type = cast<RankedTensorType>(out.getType());
  // The verifier of slices refuses offset 0 where a size is 0.
  if (llvm::is_contained(type.getShape(), 0))
    return out;
  if (type.getRank() == 1)
    return visit({{}, out, {}, makeScratch()})[0];

  LinalgEmitter emitter(builder, loc);
  Attribute unit = builder.getIndexAttr(1), start = builder.getIndexAttr(0);
  int64_t inner = type.getRank() - 2;
  Value zero = emit::index(builder, loc, 0);
  Value most = emit::index(builder, loc, kBlock);
  Value tokens = emit::size(builder, loc, out, inner);
  SmallVector<OpFoldResult> domain = emitter.sizes(out);
  OpFoldResult width = domain.back();
  domain.truncate(inner);
  domain.push_back(
      arith::CeilDivUIOp::create(builder, loc, tokens, most).getResult());
  auto writeBlock = [&](ValueRange index, ValueRange outputs) {
    ValueRange outer = index.drop_back();
    Value first = emit::mul(builder, loc, index.back(), most);
    Value count =
        emit::min(builder, loc, most, emit::sub(builder, loc, tokens, first));
    LinalgEmitter::Slice slice{getAsOpFoldResult(outer),
                               SmallVector<OpFoldResult>(inner, unit)};
    slice.offsets.append({first, start});
    slice.sizes.append({count, width});
    auto blockType = RankedTensorType::get(
        {ShapedType::kDynamic, type.getShape().back()}, type.getElementType());
    SmallVector<OpFoldResult> strides(slice.sizes.size(), unit);
    SmallVector<Value> carried{
        tensor::ExtractSliceOp::create(builder, loc, blockType, outputs[0],
                                       slice.offsets, slice.sizes, strides)};
    carried.append(makeScratch());
    Value block =
        emitter.loop(zero, count, carried, [&](Value row, ValueRange values) {
          Value token = emit::add(builder, loc, first, row);
          return visit({joinIndices(outer, token),
                        values[0],
                        {row},
                        SmallVector<Value>(values.drop_front())});
        })[0];
    return SmallVector<std::pair<Value, LinalgEmitter::Slice>>{{block, slice}};
  };
  return emitter.parallel(domain, out, writeBlock)[0];
}

Value effattn::emitColumns(OpBuilder &builder, Location loc, Value out,
                           ValueRange at, Value first, Value width,
                           function_ref<Value(Value)> value) {
  LinalgEmitter emitter(builder, loc);
  Type element = cast<ShapedType>(out.getType()).getElementType();
  auto setColumn = [&](Value column, ValueRange carried) -> SmallVector<Value> {
    Value stored = emit::toFloat(builder, loc, value(column), element);
    Value to = first ? emit::add(builder, loc, first, column) : column;
    return {emitter.insert(stored, carried[0], joinIndices(at, to))};
  };
  return emitter.loop(emit::index(builder, loc, 0), width, out, setColumn)[0];
}

Value effattn::emitColumns(OpBuilder &builder, Location loc, Value out,
                           ValueRange at, function_ref<Value(Value)> value) {
  int64_t last = cast<ShapedType>(out.getType()).getRank() - 1;
  return emitColumns(builder, loc, out, at, /*first=*/Value(),
                     emit::size(builder, loc, out, last), value);
}

//===----------------------------------------------------------------------===//
// The ops
//===----------------------------------------------------------------------===//

namespace {
class EmbeddingLowering : OpLowering<EmbeddingOp> {
public:
  EmbeddingLowering(OpBuilder &builder, EmbeddingOp op)
      : OpLowering(builder, op) {}

  Value run() {
    return emitTokenRows(
        builder, loc, op.getOut(), [] { return SmallVector<Value>(); },
        [&](const TokenRow &row) -> SmallVector<Value> {
          Value id = emit::loadIndex(builder, loc, op.getIds(), row.place);
          return {emitColumns(builder, loc, row.out, row.at, [&](Value column) {
            return load(op.getTable(), {id, column});
          })};
        });
  }
};

/// The changes of all domains are summed in f32 before the table's row comes
/// to it.
class LoraLowering : OpLowering<LoraEmbeddingOp> {
public:
  LoraLowering(OpBuilder &builder, LoraEmbeddingOp op)
      : OpLowering(builder, op) {}

  Value run() {
    scale = emitScale();
    auto makeScratch = [&]() -> SmallVector<Value> {
      return {emitter.empty(emitter.sizes(op.getOut()).back(),
                            builder.getF32Type())};
    };
    return emitTokenRows(
        builder, loc, op.getOut(), makeScratch,
        [&](const TokenRow &row) -> SmallVector<Value> {
          Value id = emit::loadIndex(builder, loc, op.getIds(), row.place);
          Value change = sumChanges(id, row.place, row.scratch[0]);
          Value out = emitColumns(
              builder, loc, row.out, row.at, [&](Value column) -> Value {
                Value whole = extended(op.getTable(), {id, column});
                Value part = arith::MulFOp::create(builder, loc, scale,
                                                   load(change, column));
                return arith::AddFOp::create(builder, loc, whole, part);
              });
          return {out, change};
        });
  }

private:
  Value extended(Value source, ValueRange indices) {
    return emitter.extend(load(source, indices));
  }

  /// alpha / r; nothing is scaled where r is 0.
  Value emitScale() {
    Value rank = emit::max(builder, loc, emit::size(builder, loc, op.getA(), 2),
                           index(1));
    Value divisor = arith::SIToFPOp::create(
        builder, loc, builder.getF32Type(),
        emit::fromIndex(builder, loc, rank, builder.getI64Type()));
    return arith::DivFOp::create(
        builder, loc, emit::f32(builder, loc, op.getAlpha()), divisor);
  }

  /// sum_n w_n sum_k a[n, id, k] b[n, k, :], into `sums` [C].
  Value sumChanges(Value id, ValueRange place, Value sums) {
    Value domains = emit::size(builder, loc, op.getA(), 0);
    Value rank = emit::size(builder, loc, op.getA(), 2);
    sums = emitter.fill(emit::f32(builder, loc, 0), sums);
    return emitter.loop(
        index(0), domains, sums, [&](Value domain, ValueRange outer) {
          return emitter.loop(
              index(0), rank, outer,
              [&](Value k, ValueRange inner) -> SmallVector<Value> {
                Value factor = extended(op.getA(), {domain, id, k});
                if (op.getWeights())
                  factor = arith::MulFOp::create(
                      builder, loc, weightOf(domain, place), factor);
                return {addDirection(factor, domain, k, inner[0])};
              });
        })[0];
  }

  Value weightOf(Value domain, ValueRange place) {
    bool byRow = op.getWeights().getType().getRank() == 2;
    return extended(op.getWeights(),
                    byRow ? ValueRange{place[0], domain} : ValueRange(domain));
  }

  /// sums + factor b[domain, k, :].
  Value addDirection(Value factor, Value domain, Value k, Value sums) {
    return emitter.update(
        sums,
        [&](OpBuilder &, Location, ValueRange at, Value previous) -> Value {
          Value direction = extended(op.getB(), {domain, k, at[0]});
          Value part = arith::MulFOp::create(builder, loc, factor, direction);
          return arith::AddFOp::create(builder, loc, previous, part);
        });
  }

  Value scale;
};

class SplitLowering : OpLowering<SplitEmbeddingOp> {
public:
  SplitLowering(OpBuilder &builder, SplitEmbeddingOp op)
      : OpLowering(builder, op) {}

  Value run() {
    return emitTokenRows(
        builder, loc, op.getOut(), [] { return SmallVector<Value>(); },
        [&](const TokenRow &row) -> SmallVector<Value> {
          Value id = emit::loadIndex(builder, loc, op.getIds(), row.place);
          Value first = rowOf(op.getInvariantMap(), id);
          Value second = rowOf(op.getVariantMap(), id);
          if (op.getCombine() == CombineMode::Add)
            return {add(row, first, second)};
          return {concatenate(row, first, second)};
        });
  }

private:
  Value rowOf(Value map, Value id) {
    return map ? emit::loadIndex(builder, loc, map, id) : id;
  }

  Value add(const TokenRow &row, Value first, Value second) {
    return emitColumns(
        builder, loc, row.out, row.at, [&](Value column) -> Value {
          Value shared = load(op.getInvariant(), {first, column});
          Value own = load(op.getVariant(), {second, column});
          return arith::AddFOp::create(builder, loc, emitter.extend(shared),
                                       emitter.extend(own));
        });
  }

  Value concatenate(const TokenRow &row, Value first, Value second) {
    Value width = emit::size(builder, loc, op.getInvariant(), 1);
    Value rest = emit::size(builder, loc, op.getVariant(), 1);
    Value out = emitColumns(
        builder, loc, row.out, row.at, index(0), width,
        [&](Value column) { return load(op.getInvariant(), {first, column}); });
    return emitColumns(
        builder, loc, out, row.at, width, rest,
        [&](Value column) { return load(op.getVariant(), {second, column}); });
  }
};
} // namespace

void effattn::populateEmbeddingsToLinalgPatterns(RewritePatternSet &patterns) {
  populateQuantizedToLinalgPatterns(patterns);
  populateTensorTrainToLinalgPatterns(patterns);
  patterns.add<LowerOp<EmbeddingOp, EmbeddingLowering>,
               LowerOp<LoraEmbeddingOp, LoraLowering>,
               LowerOp<SplitEmbeddingOp, SplitLowering>>(patterns.getContext());
}
