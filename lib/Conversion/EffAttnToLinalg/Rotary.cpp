//===- Rotary.cpp - Rotate rows by their position -------------------------===//
#include "Rotary.h"
#include "WideSum.h"

using namespace mlir;
using namespace mlir::effattn;

/// Positions from which an angle that is rounded to f64 may differ in a cosine
/// of f32 from one that is summed.
static constexpr double kFar = 1 << 24;

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

SmallVector<Value> Rotary::steps() {
  Value speeds = frequencies();
  SmallVector<Value> turns{emitter.empty(emitter.sizes(speeds), f64Type()),
                           emitter.empty(emitter.sizes(speeds), f64Type())};
  turns =
      emitter.loop(zero, pairCount, turns, [&](Value pair, ValueRange carried) {
        Value angle = arith::DivFOp::create(builder, loc, load(speeds, pair),
                                            f64(builder, loc, scaling));
        Value cosine = math::CosOp::create(builder, loc, angle);
        Value sine = math::SinOp::create(builder, loc, angle);
        return SmallVector<Value>{emitter.insert(cosine, carried[0], pair),
                                  emitter.insert(sine, carried[1], pair)};
      });
  return {speeds, turns[0], turns[1]};
}

SmallVector<Value> Rotary::emptyTurns() {
  OpFoldResult size = getAsOpFoldResult(pairCount);
  Type f32 = builder.getF32Type();
  return {emitter.empty(size, f32), emitter.empty(size, f32),
          emitter.empty(size, f64Type()), emitter.empty(size, f64Type())};
}

SmallVector<Value> Rotary::writeTurns(
    ValueRange turns,
    function_ref<std::pair<Value, Value>(Value, ValueRange)> turnOf) {
  Type f32 = builder.getF32Type();
  return emitter.loop(
      zero, pairCount, turns, [&](Value pair, ValueRange carried) {
        auto [cosine, sine] = turnOf(pair, carried.drop_front(2));
        return SmallVector<Value>{
            emitter.insert(emit::toFloat(builder, loc, cosine, f32), carried[0],
                           pair),
            emitter.insert(emit::toFloat(builder, loc, sine, f32), carried[1],
                           pair),
            emitter.insert(cosine, carried[2], pair),
            emitter.insert(sine, carried[3], pair)};
      });
}

SmallVector<Value> Rotary::turnTo(Value position, Value follows,
                                  ValueRange steps, ValueRange turns) {
  Value scaled = toF64(builder, loc, position);
  if (scaling != 1.0)
    scaled =
        arith::DivFOp::create(builder, loc, scaled, f64(builder, loc, scaling));
  Value isNear = arith::CmpFOp::create(
      builder, loc, arith::CmpFPredicate::OLT,
      math::AbsFOp::create(builder, loc, scaled), f64(builder, loc, kFar));
  follows = emit::logicalAnd(builder, loc, follows, isNear);
  SmallVector<Value> next = emitter.when(follows, turns, [&] {
    return writeTurns(turns, [&](Value pair, ValueRange wide) {
      return turn(load(wide[0], pair), load(wide[1], pair),
                  load(steps[1], pair), load(steps[2], pair));
    });
  });
  return emitter.when(emit::logicalNot(builder, loc, follows), next, [&] {
    return writeTurns(next, [&](Value pair, ValueRange) {
      Value angle =
          arith::MulFOp::create(builder, loc, scaled, load(steps[0], pair));
      Value cosine = math::CosOp::create(builder, loc, angle);
      Value sine = math::SinOp::create(builder, loc, angle);
      return std::pair(cosine, sine);
    });
  });
}

std::pair<Value, Value> Rotary::tables(Value count) {
  Type f32 = builder.getF32Type();
  SmallVector<Value> step = steps();
  // Of every pair the turn of the next position.
  auto insert = [&](ValueRange elements, ValueRange tensors, ValueRange place) {
    SmallVector<Value> next;
    for (auto [element, tensor] : llvm::zip_equal(elements, tensors))
      next.push_back(emitter.insert(element, tensor, place));
    return next;
  };
  OpFoldResult size = getAsOpFoldResult(pairCount);
  SmallVector<Value> turns{emitter.filled(size, f64(builder, loc, 1.0)),
                           emitter.filled(size, f64(builder, loc, 0.0))};
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
              turn(cosine, sine, load(step[1], pair), load(step[2], pair));
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
