//===- ExpandExperts.cpp - Gated layers of the tokens of each expert ------===//
#include "ExpandOps.h"
#include "FeedForwardExpansion.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Sorts the choices by expert. Then, expert by expert, the rows of its tokens
/// are gathered in blocks, go through its layer together, and are added to what
/// the tokens have so far.
class ExpertsExpansion : FeedForwardExpansion<MoeFFNOp> {
public:
  using FeedForwardExpansion::FeedForwardExpansion;

  void run();

private:
  void sort();
  void overChoices(function_ref<void(Value token, Value choice)> body);
  void enter(Value token, Value choice);
  void addExpert(Value expert);
  void addToToken(Value entry, Value row);

  Value expertOf(Value token, Value choice) {
    return emit::loadIndex(emitter.builder, emitter.loc, op.getExperts(),
                           placeOf(token, choice));
  }
  Value load(Value memory, Value at) {
    return emit::load(emitter.builder, emitter.loc, memory, at);
  }
  void store(Value value, Value memory, Value at) {
    memref::StoreOp::create(emitter.builder, emitter.loc, value, memory, at);
  }
  SmallVector<Value> totalAt(Value token, Value column) {
    return total == op.getOut() ? placeOf(token, column)
                                : SmallVector<Value>{token, column};
  }

  Value experts;
  /// The tokens of an expert and the gates that they give it: entries [starts,
  /// ends) of it.
  Value starts, ends, tokens, gates;
  /// f32: the sums of all tokens.
  Value total;
};
} // namespace

void ExpertsExpansion::run() {
  VectorEmitter &e = emitter;
  Value out = op.getOut();
  Type f32 = e.builder.getF32Type();
  bool isInPlace = cast<MemRefType>(out.getType()).getElementType() == f32 &&
                   e.isContiguous(out);
  total = isInPlace ? out : e.scratch({rows, width}, f32);
  experts = e.size(op.getGate(), 0);
  e.parallel(rows, [&](ValueRange token) {
    e.overColumns(e.index(0), width, [&](Value column, Value mask) {
      e.store(e.zeros(), total, totalAt(token[0], column), mask);
    });
  });
  sort();
  e.loop(e.index(0), experts, 1, [&](Value expert) { addExpert(expert); });
  if (!isInPlace)
    e.parallel(rows,
               [&](ValueRange token) { writeRow(token[0], token[0], total); });
  op.erase();
}

//===----------------------------------------------------------------------===//
// Sorting
//===----------------------------------------------------------------------===//

void ExpertsExpansion::overChoices(function_ref<void(Value, Value)> body) {
  VectorEmitter &e = emitter;
  Value chosen = op.getExperts();
  int64_t last = cast<MemRefType>(chosen.getType()).getRank() - 1;
  e.loop(e.index(0), rows, 1, [&](Value token) {
    e.loop(e.index(0), e.size(chosen, last), 1,
           [&](Value choice) { body(token, choice); });
  });
}

/// By counting, so that tokens of an expert stay in order.
void ExpertsExpansion::sort() {
  VectorEmitter &e = emitter;
  Type index = e.builder.getIndexType();
  Value chosen = op.getExperts();
  int64_t last = cast<MemRefType>(chosen.getType()).getRank() - 1;
  Value choices = e.mul(rows, e.size(chosen, last));
  starts = e.scratch(OpFoldResult(experts), index);
  ends = e.scratch(OpFoldResult(experts), index);
  tokens = e.scratch(OpFoldResult(choices), index);
  gates = e.scratch(OpFoldResult(choices), e.builder.getF32Type());
  e.loop(e.index(0), experts, 1,
         [&](Value expert) { store(e.index(0), ends, expert); });
  overChoices([&](Value token, Value choice) {
    Value expert = expertOf(token, choice);
    store(e.add(load(ends, expert), 1), ends, expert);
  });
  e.loop(e.index(0), experts, 1, e.index(0),
         [&](Value expert, ValueRange begun) -> SmallVector<Value> {
           Value next = e.add(begun[0], load(ends, expert));
           store(begun[0], starts, expert);
           store(begun[0], ends, expert);
           return {next};
         });
  overChoices([&](Value token, Value choice) { enter(token, choice); });
}

/// A token that names an expert twice has one entry, with both gates.
void ExpertsExpansion::enter(Value token, Value choice) {
  VectorEmitter &e = emitter;
  Value expert = expertOf(token, choice);
  Value gate = e.loadScalar(op.getGates(), placeOf(token, choice));
  Value end = load(ends, expert), last = e.sub(end, e.index(1));
  Value isThere = e.choose(
      e.lessThan(load(starts, expert), end), TypeRange{e.builder.getI1Type()},
      [&] { return SmallVector<Value>{e.equal(load(tokens, last), token)}; },
      [&] {
        return SmallVector<Value>{emit::boolean(e.builder, e.loc, false)};
      })[0];
  e.choose(
      isThere,
      [&] { store(e.addFloats(load(gates, last), gate), gates, last); },
      [&] {
        store(token, tokens, end);
        store(gate, gates, end);
        store(e.add(end, 1), ends, expert);
      });
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

void ExpertsExpansion::addExpert(Value expert) {
  VectorEmitter &e = emitter;
  Value end = load(ends, expert);
  e.loop(load(starts, expert), end, kBlockRows, [&](Value first) {
    Value count = e.min(e.sub(end, first), e.index(kBlockRows));
    e.parallel(count, [&](ValueRange row) {
      readRow(load(tokens, e.add(first, row[0])), row[0], input);
      clearRow(sums, row[0], width);
    });
    addLayer(count, expert);
    e.parallel(count, [&](ValueRange row) {
      addToToken(e.add(first, row[0]), row[0]);
    });
  });
}

/// No two entries of an expert are of one token.
void ExpertsExpansion::addToToken(Value entry, Value row) {
  VectorEmitter &e = emitter;
  Value token = load(tokens, entry), gate = e.splat(load(gates, entry));
  e.overColumns(e.index(0), width, [&](Value column, Value mask) {
    SmallVector<Value> at = totalAt(token, column);
    Value made = e.load(sums, {row, column}, mask);
    e.store(e.mulAdd(gate, made, e.load(total, at, mask)), total, at, mask);
  });
}

void effattn::expand(OpBuilder &builder, MoeFFNOp op, const CpuModel &cpu) {
  if (!isKnownToBeEmpty(op))
    return ExpertsExpansion(builder, op, cpu).run();
  fillWithZeros(builder, op);
  op.erase();
}
