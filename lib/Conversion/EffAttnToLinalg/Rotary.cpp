//===- Rotary.cpp - Rotate rows by their position -------------------------===//
#include "Rotary.h"
#include "WideSum.h"

using namespace mlir;
using namespace mlir::effattn;

static Value f64(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF64FloatAttr(value));
}

Rotary::Rotary(OpBuilder &builder, Location loc, RopeLayout layout, double base,
               double scaling, Value dims)
    : builder(builder), loc(loc), emitter(builder, loc), layout(layout),
      base(base), scaling(scaling), dims(dims),
      pairCount(arith::DivUIOp::create(builder, loc, dims,
                                       emit::index(builder, loc, 2))),
      zero(emit::index(builder, loc, 0)) {}

Value Rotary::frequencies() {
  Value width = toF64(builder, loc, dims);
  auto frequency = [&](OpBuilder &nested, Location nestedLoc,
                       ValueRange place) -> Value {
    Value exponent =
        arith::MulFOp::create(nested, nestedLoc, f64(nested, nestedLoc, -2.0),
                              toF64(nested, nestedLoc, place[0]));
    return math::PowFOp::create(
        nested, nestedLoc, f64(nested, nestedLoc, base),
        arith::DivFOp::create(nested, nestedLoc, exponent, width));
  };
  return emitter.generate(
      emitter.empty(getAsOpFoldResult(pairCount), builder.getF64Type()),
      frequency);
}

std::pair<Value, Value> Rotary::turns(Value position, Value frequencies,
                                      Value cosines, Value sines) {
  Value scaled = toF64(builder, loc, position);
  if (scaling != 1.0)
    scaled =
        arith::DivFOp::create(builder, loc, scaled, f64(builder, loc, scaling));
  Type f32 = builder.getF32Type();
  SmallVector<Value> written = emitter.loop(
      zero, pairCount, {cosines, sines}, [&](Value pair, ValueRange carried) {
        Value angle = arith::MulFOp::create(builder, loc, scaled,
                                            load(frequencies, pair));
        Value cosine = emit::toFloat(
            builder, loc, math::CosOp::create(builder, loc, angle), f32);
        Value sine = emit::toFloat(
            builder, loc, math::SinOp::create(builder, loc, angle), f32);
        return SmallVector<Value>{emitter.insert(cosine, carried[0], pair),
                                  emitter.insert(sine, carried[1], pair)};
      });
  return {written[0], written[1]};
}

std::pair<Value, Value> Rotary::tables(Value count) {
  Type f32 = builder.getF32Type();
  Value step = frequencies();
  // Of every pair the turn of the next position, and the step.
  SmallVector<Value> turns;
  for (int i = 0; i < 4; ++i)
    turns.push_back(emitter.empty(emitter.sizes(step), builder.getF64Type()));
  auto insert = [&](ValueRange elements, ValueRange tensors, ValueRange place) {
    SmallVector<Value> next;
    for (auto [element, tensor] : llvm::zip_equal(elements, tensors))
      next.push_back(emitter.insert(element, tensor, place));
    return next;
  };
  turns =
      emitter.loop(zero, pairCount, turns, [&](Value pair, ValueRange carried) {
        Value angle = arith::DivFOp::create(builder, loc, load(step, pair),
                                            f64(builder, loc, scaling));
        Value cosine = math::CosOp::create(builder, loc, angle);
        Value sine = math::SinOp::create(builder, loc, angle);
        return insert(
            {f64(builder, loc, 1.0), f64(builder, loc, 0.0), cosine, sine},
            carried, pair);
      });

  SmallVector<OpFoldResult> sizes = getAsOpFoldResult({count, pairCount});
  SmallVector<Value> tables{emitter.empty(sizes, f32),
                            emitter.empty(sizes, f32), turns[0], turns[1]};
  auto write = [&](Value position, ValueRange outer) {
    return emitter.loop(
        zero, pairCount, outer, [&](Value pair, ValueRange carried) {
          Value cosine = load(carried[2], pair), sine = load(carried[3], pair);
          SmallVector<Value> next =
              insert({emit::toFloat(builder, loc, cosine, f32),
                      emit::toFloat(builder, loc, sine, f32)},
                     carried.take_front(2), {position, pair});
          std::tie(cosine, sine) =
              turn(cosine, sine, load(turns[2], pair), load(turns[3], pair));
          llvm::append_range(
              next, insert({cosine, sine}, carried.drop_front(2), pair));
          return next;
        });
  };
  tables = emitter.loop(zero, count, tables, write);
  return {tables[0], tables[1]};
}

std::pair<Value, Value> Rotary::columnsOf(Value pair) {
  if (layout == RopeLayout::Half)
    return {pair, emit::add(builder, loc, pair, pairCount)};
  Value first = emit::add(builder, loc, pair, pair);
  return {first, emit::add(builder, loc, first, emit::index(builder, loc, 1))};
}

std::pair<Value, Value> Rotary::turn(Value a, Value b, Value cosine,
                                     Value sine) {
  auto times = [&](Value x, Value factor) {
    return arith::MulFOp::create(builder, loc, x, factor);
  };
  return {
      arith::SubFOp::create(builder, loc, times(a, cosine), times(b, sine)),
      arith::AddFOp::create(builder, loc, times(b, cosine), times(a, sine))};
}

Value Rotary::rotate(Value row, Value cosines, Value sines, Value out) {
  Type element = cast<ShapedType>(out.getType()).getElementType();
  auto store = [&](Value value, Value tensor, Value column) {
    return emitter.insert(emit::toFloat(builder, loc, value, element), tensor,
                          column);
  };
  auto rotatePair = [&](Value pair, ValueRange carried) -> SmallVector<Value> {
    auto [first, second] = columnsOf(pair);
    auto [a, b] = turn(emitter.extend(load(row, first)),
                       emitter.extend(load(row, second)), load(cosines, pair),
                       load(sines, pair));
    return {store(b, store(a, carried[0], first), second)};
  };
  auto copyColumn = [&](Value column,
                        ValueRange carried) -> SmallVector<Value> {
    return {store(load(row, column), carried[0], column)};
  };
  out = emitter.loop(zero, pairCount, out, rotatePair)[0];
  return emitter.loop(dims, emit::size(builder, loc, row, 0), out,
                      copyColumn)[0];
}
