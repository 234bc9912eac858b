//===- AddressMemoryOp.cpp - What addresses must hold ---------------------===//
#include "effattn/Dialect/Emit.h"
#include "effattn/Dialect/MemoryOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::effattn;

LogicalResult AddressMemoryOp::verify() {
  // C1: gamma is the exponent of the decay.
  if (getGamma() >= 0 && std::isfinite(getGamma()))
    return success();
  return emitOpError("expected gamma to be finite and at least 0, but got ")
         << getGamma();
}

/// Addresses up to this size are checked by comparing all pairs: some thousand
/// comparisons of neighbouring integers, which vectorise, against the thousands
/// of multiply-adds that such an address costs anyway.
static constexpr int64_t kPairwiseSlots = 64;

/// Tokens whose pairs are compared at once, and up to how many it takes longer
/// to prepare that than to look at one address after the other.
static constexpr int64_t kBlockTokens = 64, kFewTokens = 64;

namespace {
/// The checks of the write or the read addresses of one op.
class AddressChecks {
public:
  AddressChecks(OpBuilder &builder, AddressMemoryOp op, Value indices,
                StringRef name)
      : builder(builder), loc(op.getLoc()), op(op), indices(indices),
        name(name), slotsPerToken(emit::size(builder, loc, indices, 2)),
        slots(emit::size(builder, loc, op.getMemory(), 1)) {}

  /// Every slot of every valid token, by the way that suits its size.
  void emit();

private:
  /// A loop that carries a value, or none where `carried` is null. `body` gets
  /// counter and value, builds at `builder` and gives the next value.
  Value loop(Value low, Value high, Value carried,
             function_ref<Value(Value, Value)> body);
  /// The same over the places of all valid tokens, in order.
  struct Place {
    Value row, token, slot;
  };
  Value overPlaces(Value carried,
                   function_ref<Value(Place, Value, Value)> body);
  Value loadSlot(Value row, Value token, Value number);
  void checkRange(Place place);
  void checkNew(Value isNew, Place place);

  /// i1: whether all slots of all addresses are good, without saying which one
  /// is not; for short addresses.
  Value emitAreGood();
  /// The same for one block of a row's tokens.
  Value emitIsGoodBlock(Value row, Value first, Value count);
  /// The slots of a block: all that stand first in their address, then all
  /// that stand second, and so on.
  Value emitBySlot(Value row, Value first, Value count);

  void emitPairwise();
  void emitHashed();
  /// The table with the place's slot in it, and whether it is new there.
  std::pair<Value, Value> enter(Value table, Value entries, Place place);

  OpBuilder &builder;
  Location loc;
  AddressMemoryOp op;
  Value indices;
  StringRef name;
  Value slotsPerToken;
  Value slots;
};
} // namespace

Value AddressChecks::loop(Value low, Value high, Value carried,
                          function_ref<Value(Value, Value)> body) {
  SmallVector<Value> initial;
  if (carried)
    initial.push_back(carried);
  auto loop = scf::ForOp::create(
      builder, loc, low, high, emit::index(builder, loc, 1), initial,
      [&](OpBuilder &, Location, Value counter, ValueRange values) {
        Value next = body(counter, carried ? values[0] : Value());
        scf::YieldOp::create(builder, loc,
                             carried ? ValueRange(next) : ValueRange());
      });
  return carried ? loop.getResult(0) : Value();
}

Value AddressChecks::overPlaces(Value carried,
                                function_ref<Value(Place, Value, Value)> body) {
  Value zero = emit::index(builder, loc, 0);
  Value rows = emit::size(builder, loc, indices, 0);
  return loop(zero, rows, carried, [&](Value row, Value perRow) {
    Value tokens = op.getLengths()
                       ? emit::loadIndex(builder, loc, op.getLengths(), row)
                       : emit::size(builder, loc, indices, 1);
    return loop(zero, tokens, perRow, [&](Value token, Value perToken) {
      return loop(zero, slotsPerToken, perToken,
                  [&](Value number, Value value) {
                    Place place{row, token, loadSlot(row, token, number)};
                    checkRange(place);
                    return body(place, number, value);
                  });
    });
  });
}

Value AddressChecks::loadSlot(Value row, Value token, Value number) {
  return emit::loadIndex(builder, loc, indices, {row, token, number});
}

void AddressChecks::checkRange(Place place) {
  Value zero = emit::index(builder, loc, 0);
  Value isSlot = emit::logicalAnd(
      builder, loc, emit::lessEqual(builder, loc, zero, place.slot),
      emit::lessThan(builder, loc, place.slot, slots));
  CheckOp::create(
      builder, loc, isSlot,
      ("expected " + name +
       " to lie in [0, {0}), but got slot {1} in row {2}, token {3}")
          .str(),
      ValueRange{slots, place.slot, place.row, place.token});
}

void AddressChecks::checkNew(Value isNew, Place place) {
  CheckOp::create(builder, loc, isNew,
                  ("expected " + name +
                   " to name a slot once a token, but got slot {0} twice in "
                   "row {1}, token {2}")
                      .str(),
                  ValueRange{place.slot, place.row, place.token});
}

Value AddressChecks::emitBySlot(Value row, Value first, Value count) {
  Type element = cast<ShapedType>(indices.getType()).getElementType();
  Value bySlot = tensor::EmptyOp::create(
      builder, loc,
      ArrayRef<OpFoldResult>{slotsPerToken, builder.getIndexAttr(kBlockTokens)},
      element);
  Value zero = emit::index(builder, loc, 0);
  return loop(zero, count, bySlot, [&](Value token, Value sofar) {
    return loop(
        zero, slotsPerToken, sofar, [&](Value number, Value inner) -> Value {
          Value from = emit::add(builder, loc, first, token);
          Value slot =
              emit::load(builder, loc, indices, ValueRange{row, from, number});
          return tensor::InsertOp::create(builder, loc, slot, inner,
                                          ValueRange{number, token});
        });
  });
}

/// Loops over neighbouring tokens, which vectorise.
Value AddressChecks::emitIsGoodBlock(Value row, Value first, Value count) {
  Value bySlot = emitBySlot(row, first, count);
  Value zero = emit::index(builder, loc, 0);
  Type i32 = builder.getI32Type();
  Value none = arith::ConstantIntOp::create(builder, loc, 0, 32);
  auto load = [&](Value number, Value token) {
    return emit::load(builder, loc, bySlot, {number, token});
  };
  auto overTokens = [&](Value bad, function_ref<Value(Value)> isBad) {
    return loop(zero, count, bad, [&](Value token, Value sofar) -> Value {
      Value bit =
          arith::ExtUIOp::create(builder, loc, i32, isBad(token)).getResult();
      return arith::OrIOp::create(builder, loc, sofar, bit);
    });
  };
  // Without a sign, a slot below 0 is a large number.
  Value most = emit::min(builder, loc, slots,
                         emit::index(builder, loc, int64_t(1) << 31));
  most = emit::fromIndex(builder, loc, most, i32);
  Value bad = loop(zero, slotsPerToken, none, [&](Value number, Value outer) {
    Value sofar = overTokens(outer, [&](Value token) -> Value {
      return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge,
                                   load(number, token), most);
    });
    return loop(zero, number, sofar, [&](Value earlier, Value inner) {
      return overTokens(inner, [&](Value token) {
        return emit::equal(builder, loc, load(number, token),
                           load(earlier, token));
      });
    });
  });
  return emit::equal(builder, loc, bad, none);
}

Value AddressChecks::emitAreGood() {
  Value zero = emit::index(builder, loc, 0);
  Value tokens = emit::size(builder, loc, indices, 1);
  Value most = emit::index(builder, loc, kBlockTokens);
  SmallVector<OpFoldResult> domain{
      emit::size(builder, loc, indices, 0),
      arith::CeilDivUIOp::create(builder, loc, tokens, most).getResult()};
  Type i1 = builder.getI1Type();
  Value verdicts = tensor::EmptyOp::create(builder, loc, domain, i1);
  SmallVector<OpFoldResult> one(2, builder.getIndexAttr(1));
  auto forall = scf::ForallOp::create(
      builder, loc, domain, verdicts, /*mapping=*/std::nullopt,
      [&](OpBuilder &, Location, ValueRange arguments) {
        Value row = arguments[0], all = arguments[2];
        Value first = emit::mul(builder, loc, arguments[1], most);
        Value length = op.getLengths()
                           ? emit::loadIndex(builder, loc, op.getLengths(), row)
                           : tokens;
        Value left = emit::max(builder, loc, zero,
                               emit::sub(builder, loc, length, first));
        Value isGood =
            emitIsGoodBlock(row, first, emit::min(builder, loc, left, most));
        SmallVector<OpFoldResult> at =
            getAsOpFoldResult(ValueRange{arguments[0], arguments[1]});
        Value verdict =
            tensor::ExtractSliceOp::create(builder, loc, all, at, one, one);
        verdict = tensor::InsertOp::create(builder, loc, isGood, verdict,
                                           ValueRange{zero, zero});
        auto done = scf::InParallelOp::create(builder, loc);
        builder.setInsertionPointToStart(done.getBody());
        tensor::ParallelInsertSliceOp::create(builder, loc, verdict, all, at,
                                              one, one);
      });
  verdicts = forall.getResult(0);
  return loop(zero, emit::size(builder, loc, verdicts, 0),
              emit::boolean(builder, loc, true), [&](Value row, Value sofar) {
                return loop(
                    zero, emit::size(builder, loc, verdicts, 1), sofar,
                    [&](Value block, Value inner) {
                      Value verdict =
                          emit::load(builder, loc, verdicts, {row, block});
                      return emit::logicalAnd(builder, loc, inner, verdict);
                    });
              });
}

void AddressChecks::emitPairwise() {
  overPlaces(Value(), [&](Place place, Value number, Value) {
    Value seen = loop(
        emit::index(builder, loc, 0), number,
        emit::boolean(builder, loc, false), [&](Value earlier, Value before) {
          Value other = loadSlot(place.row, place.token, earlier);
          return emit::logicalOr(builder, loc, before,
                                 emit::equal(builder, loc, other, place.slot));
        });
    checkNew(emit::logicalNot(builder, loc, seen), place);
    return Value();
  });
}

/// An entry is `stamp + slot`, and stamps grow from token to token: what
/// earlier tokens left is below the stamp, and their places are free.
std::pair<Value, Value> AddressChecks::enter(Value table, Value entries,
                                             Place place) {
  Type i64 = builder.getI64Type();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 64);
  };
  Value tokens = emit::size(builder, loc, indices, 1);
  Value number = emit::add(
      builder, loc, emit::mul(builder, loc, place.row, tokens), place.token);
  Value stamp =
      emit::mul(builder, loc, emit::fromIndex(builder, loc, number, i64),
                constant(1LL << 31));
  Value slot = emit::fromIndex(builder, loc, place.slot, i64);
  Value key = emit::add(builder, loc, stamp, slot);
  // 2^64 over the golden ratio spreads slots of any regular pattern.
  Value spread =
      emit::mul(builder, loc, slot, constant(int64_t(0x9E3779B97F4A7C15)));
  Value hash = emit::toIndex(
      builder, loc, arith::ShRUIOp::create(builder, loc, spread, constant(33)));
  Value start = arith::RemSIOp::create(builder, loc, hash, entries);
  auto probe = scf::WhileOp::create(
      builder, loc, TypeRange{builder.getIndexType(), i64}, start,
      [&](OpBuilder &, Location, ValueRange at) {
        Value entry = emit::load(builder, loc, table, at[0]);
        Value isTaken = emit::lessEqual(builder, loc, stamp, entry);
        Value isOther = emit::logicalNot(builder, loc,
                                         emit::equal(builder, loc, entry, key));
        scf::ConditionOp::create(
            builder, loc, emit::logicalAnd(builder, loc, isTaken, isOther),
            ValueRange{at[0], entry});
      },
      [&](OpBuilder &, Location, ValueRange at) {
        Value next =
            emit::add(builder, loc, at[0], emit::index(builder, loc, 1));
        Value isPast = emit::equal(builder, loc, next, entries);
        scf::YieldOp::create(builder, loc,
                             emit::select(builder, loc, isPast,
                                          emit::index(builder, loc, 0), next));
      });
  Value isNew = emit::logicalNot(
      builder, loc, emit::equal(builder, loc, probe.getResult(1), key));
  return {
      tensor::InsertOp::create(builder, loc, key, table, probe.getResult(0)),
      isNew};
}

void AddressChecks::emitHashed() {
  Value zero = emit::index(builder, loc, 0), one = emit::index(builder, loc, 1);
  Value twice = emit::add(builder, loc, slotsPerToken, slotsPerToken);
  Value entries = emit::add(builder, loc, twice, one);
  Value table = tensor::EmptyOp::create(builder, loc, OpFoldResult(entries),
                                        builder.getI64Type());
  Value free = arith::ConstantIntOp::create(builder, loc, -1, 64);
  table = loop(zero, entries, table, [&](Value entry, Value carried) -> Value {
    return tensor::InsertOp::create(builder, loc, free, carried, entry);
  });
  overPlaces(table, [&](Place place, Value, Value carried) {
    auto [entered, isNew] = enter(carried, entries, place);
    checkNew(isNew, place);
    return entered;
  });
}

void AddressChecks::emit() {
  // Temporaries are tensors, which are no one's to free after bufferization.
  if (isa<MemRefType>(indices.getType()))
    return emitPairwise();
  auto yield = [&](Value value) {
    scf::YieldOp::create(builder, loc,
                         value ? ValueRange(value) : ValueRange());
  };
  Value isShort = emit::lessEqual(builder, loc, slotsPerToken,
                                  emit::index(builder, loc, kPairwiseSlots));
  Value tokens =
      emit::mulUpTo(builder, loc, emit::size(builder, loc, indices, 0),
                    emit::size(builder, loc, indices, 1), kFewTokens + 1);
  Value areMany = emit::lessThan(builder, loc,
                                 emit::index(builder, loc, kFewTokens), tokens);
  // Which slot is bad is looked for where one is.
  Value areGood =
      scf::IfOp::create(
          builder, loc, emit::logicalAnd(builder, loc, isShort, areMany),
          [&](OpBuilder &, Location) { yield(emitAreGood()); },
          [&](OpBuilder &, Location) {
            yield(emit::boolean(builder, loc, false));
          })
          .getResult(0);
  scf::IfOp::create(builder, loc, emit::logicalNot(builder, loc, areGood),
                    [&](OpBuilder &, Location) {
                      scf::IfOp::create(
                          builder, loc, isShort,
                          [&](OpBuilder &, Location) {
                            emitPairwise();
                            yield({});
                          },
                          [&](OpBuilder &, Location) {
                            emitHashed();
                            yield({});
                          });
                      yield({});
                    });
}

// C2: slots exist. C3: no address names a slot twice.
void AddressMemoryOp::emitPreconditions(OpBuilder &builder) {
  AddressChecks(builder, *this, getWriteIndices(), "write_indices").emit();
  AddressChecks(builder, *this, getReadIndices(), "read_indices").emit();
}
