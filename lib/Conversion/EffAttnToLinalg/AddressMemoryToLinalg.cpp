//===- AddressMemoryToLinalg.cpp - Write and read slots in order ----------===//
#include "MemoryLowering.h"
#include "OpLowering.h"
#include "effattn/Dialect/MemoryOps.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Rows in parallel. Every loop carries the row's memory, so that it is updated
/// where it is and only at the slots that are named.
class AddressMemoryLowering : OpLowering<AddressMemoryOp> {
public:
  AddressMemoryLowering(OpBuilder &builder, AddressMemoryOp op)
      : OpLowering(builder, op), zero(index(0)),
        width(emit::size(builder, loc, op.getOut(), 2)) {}

  SmallVector<Value> run() {
    return emitter.rows(/*leading=*/1,
                        {op.getOut(), op.getMemory(), op.getMass()},
                        [&](ValueRange place, ValueRange parts) {
                          row = place[0];
                          return scan(parts);
                        });
  }

private:
  using Carried = SmallVector<Value>;

  /// `parts` are the row's out, memory and mass.
  Carried scan(ValueRange parts);

  Value emitDecay(Value weight);
  /// Memory and mass after one token's writes.
  Carried write(Value token, ValueRange memoryAndMass);
  /// The sum over the slots that one token reads, in `sums`.
  Value read(Value token, Value memory, Value mass, Value sums);
  /// `out[token, e] = value(e)` for all e.
  Value store(Value token, Value out, function_ref<Value(Value)> value);

  Value zero, width;
  /// The row of the batch that is being scanned.
  Value row;
};
} // namespace

/// (1 - w)^gamma, where 0^0 is 1.
Value AddressMemoryLowering::emitDecay(Value weight) {
  double gamma = op.getGamma();
  Value one = emit::f32(builder, loc, 1);
  if (gamma == 0.0)
    return one;
  Value rest = arith::SubFOp::create(builder, loc, one, weight);
  if (gamma == 1.0)
    return rest;
  return math::PowFOp::create(builder, loc, rest,
                              emitPositive(builder, loc, gamma));
}

AddressMemoryLowering::Carried
AddressMemoryLowering::write(Value token, ValueRange memoryAndMass) {
  Value count = emit::size(builder, loc, op.getWriteIndices(), 2);
  auto writeSlot = [&](Value place, ValueRange carried) -> Carried {
    SmallVector<Value> at{row, token, place};
    Value weight = emit::load(builder, loc, op.getWriteWeights(), at);
    Value slot = emit::loadIndex(builder, loc, op.getWriteIndices(), at);
    Value decay = emitDecay(weight);
    auto average = [&](Value before, Value added) -> Value {
      return arith::AddFOp::create(
          builder, loc, arith::MulFOp::create(builder, loc, decay, before),
          added);
    };
    Value mass = average(emit::load(builder, loc, carried[1], slot), weight);
    Value memory = emitter.loop(
        zero, width, carried[0],
        [&](Value column, ValueRange inner) -> Carried {
          Value value = emitter.extend(emit::load(
              builder, loc, op.getValues(), ValueRange{row, token, column}));
          Value added = arith::MulFOp::create(builder, loc, weight, value);
          Value before =
              emit::load(builder, loc, inner[0], ValueRange{slot, column});
          return {emitter.insert(average(before, added), inner[0],
                                 ValueRange{slot, column})};
        })[0];
    return {memory, emitter.insert(mass, carried[1], slot)};
  };
  return emitter.loop(zero, count, memoryAndMass, writeSlot);
}

Value AddressMemoryLowering::read(Value token, Value memory, Value mass,
                                  Value sums) {
  Value count = emit::size(builder, loc, op.getReadIndices(), 2);
  Value epsilon = emit::f32(builder, loc, op.getEpsilon());
  auto readSlot = [&](Value place, ValueRange carried) -> Carried {
    SmallVector<Value> at{row, token, place};
    Value weight = emit::load(builder, loc, op.getReadWeights(), at);
    Value slot = emit::loadIndex(builder, loc, op.getReadIndices(), at);
    Value norm = arith::AddFOp::create(
        builder, loc, emit::load(builder, loc, mass, slot), epsilon);
    Value scale = arith::DivFOp::create(builder, loc, weight, norm);
    return emitter.loop(
        zero, width, carried[0],
        [&](Value column, ValueRange inner) -> Carried {
          Value stored =
              emit::load(builder, loc, memory, ValueRange{slot, column});
          Value term = arith::MulFOp::create(builder, loc, scale, stored);
          Value sum = arith::AddFOp::create(
              builder, loc, emit::load(builder, loc, inner[0], column), term);
          return {emitter.insert(sum, inner[0], column)};
        });
  };
  Value cleared = emitter.fill(emit::f32(builder, loc, 0), sums);
  return emitter.loop(zero, count, cleared, readSlot)[0];
}

Value AddressMemoryLowering::store(Value token, Value out,
                                   function_ref<Value(Value)> value) {
  Type element = cast<ShapedType>(out.getType()).getElementType();
  return emitter.loop(
      zero, width, out, [&](Value column, ValueRange carried) -> Carried {
        Value stored = emit::toFloat(builder, loc, value(column), element);
        return {emitter.insert(stored, carried[0], ValueRange{token, column})};
      })[0];
}

AddressMemoryLowering::Carried AddressMemoryLowering::scan(ValueRange parts) {
  Value tokens = emit::size(builder, loc, op.getOut(), 1);
  Value length = validTokens(op.getOut(), row);
  Value sums =
      emitter.empty(emitter.sizes(op.getOut())[2], builder.getF32Type());
  SmallVector<Value> state{parts[0], parts[1], parts[2], sums};
  state = emitter.loop(
      zero, length, state, [&](Value token, ValueRange carried) -> Carried {
        Carried written = write(token, carried.slice(1, 2));
        Value sums = read(token, written[0], written[1], carried[3]);
        Value out = store(token, carried[0], [&](Value column) {
          return emit::load(builder, loc, sums, column);
        });
        return {out, written[0], written[1], sums};
      });
  Value out = emitter.loop(length, tokens, state[0],
                           [&](Value token, ValueRange carried) -> Carried {
                             return {store(token, carried[0], [&](Value) {
                               return emit::f32(builder, loc, 0);
                             })};
                           })[0];
  return {out, state[1], state[2]};
}

void effattn::populateAddressMemoryToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<LowerOp<AddressMemoryOp, AddressMemoryLowering>>(
      patterns.getContext());
}
