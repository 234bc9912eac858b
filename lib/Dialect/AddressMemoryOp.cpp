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
  // The table is a tensor, which is no one's to free after bufferization.
  auto type = dyn_cast<RankedTensorType>(indices.getType());
  if (!type || (!type.isDynamicDim(2) && type.getDimSize(2) <= kPairwiseSlots))
    return emitPairwise();
  if (!type.isDynamicDim(2))
    return emitHashed();
  Value isShort = emit::lessEqual(builder, loc, slotsPerToken,
                                  emit::index(builder, loc, kPairwiseSlots));
  auto choice = scf::IfOp::create(builder, loc, isShort,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.thenBlock());
  emitPairwise();
  builder.setInsertionPointToStart(choice.elseBlock());
  emitHashed();
}

// C2: slots exist. C3: no address names a slot twice.
void AddressMemoryOp::emitPreconditions(OpBuilder &builder) {
  AddressChecks(builder, *this, getWriteIndices(), "write_indices").emit();
  AddressChecks(builder, *this, getReadIndices(), "read_indices").emit();
}
