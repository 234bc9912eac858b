//===- AttentionTile.cpp - Some queries over some keys --------------------===//
#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

bool AttentionTile::multipliesPairs() {
  return effattn::multipliesPairs(emitter.cpu, operands.query, operands.key);
}

Value AttentionTile::bytesOfKeys() {
  return emitter.add(emitter.bytesOf(operands.key),
                     emitter.bytesOf(operands.value));
}

void AttentionTile::prefetchRow(Value source, Value row) {
  emitter.prefetchRow(source, {operands.batch, operands.group, row});
}

void AttentionTile::widenRow(Value source, Value row, Value destination,
                             Value place) {
  VectorEmitter &e = emitter;
  e.overColumns(e.index(0), e.size(destination, 1),
                [&](Value column, Value mask) {
                  e.store(loadSource(source, row, column, mask), destination,
                          {place, column}, mask);
                });
}

/// Loads wait for what they need: rows that are known without any are found
/// while the CPU still reads others.
Value AttentionTile::rowOf(Value place) {
  VectorEmitter &e = emitter;
  if (operands.rows)
    return memref::LoadOp::create(e.builder, e.loc, operands.rows,
                                  placeOf(place));
  return e.min(e.add(firstRow, placeOf(place)), lastRow);
}

Value AttentionTile::baseOf(Value largest) {
  VectorEmitter &e = emitter;
  return e.select(e.equalFloats(largest, e.minusInfinity()), e.zeros(),
                  largest);
}

void AttentionTile::begin() {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), e.size(sums.values, 0), 1, [&](Value row) {
    e.overColumns(e.index(0), e.size(sums.values, 1),
                  [&](Value column, Value mask) {
                    e.store(e.zeros(), sums.values, {row, column}, mask);
                  });
  });
  e.overColumns(e.index(0), e.index(queryCount), [&](Value query, Value mask) {
    e.store(e.minusInfinity(), sums.state, {e.index(0), query}, mask);
    e.store(e.zeros(), sums.state, {e.index(1), query}, mask);
  });
}

void AttentionTile::addKeys(Value count, Value isWhole,
                            function_ref<void()> adjust) {
  VectorEmitter &e = emitter;
  multiplyKeys(count);
  adjust();
  SmallVector<Value> decay = weigh(count);
  // The weight 0 of a key that is not kept times NaN would be NaN.
  Value yes = emit::boolean(e.builder, e.loc, true);
  Value isPlain = e.choose(
      isWhole, yes.getType(), [&] { return SmallVector<Value>{yes}; },
      [&] { return SmallVector<Value>{isFinite(count)}; })[0];
  e.choose(
      isPlain, [&] { addValues(count, decay, /*keptOnly=*/false); },
      [&] { addValues(count, decay, /*keptOnly=*/true); });
}

/// Whether all values of the tile are finite: only those times 0 are 0.
Value AttentionTile::isFinite(Value count) {
  VectorEmitter &e = emitter;
  Value columns = e.size(operands.value, 3);
  Value sum = e.loop(
      e.index(0), count, 1, e.zeros(), [&](Value place, ValueRange carried) {
        Value row = rowOf(place);
        auto add = [&](Value sum, Value column, Value mask) {
          Value numbers = loadSource(operands.value, row, column, mask);
          return e.mulAdd(numbers, e.zeros(), sum);
        };
        Value whole = e.roundDown(columns, e.lanes());
        SmallVector<Value> sums =
            e.loop(e.index(0), whole, e.lanes(), carried,
                   [&](Value column, ValueRange inner) {
                     return SmallVector<Value>{add(inner[0], column, {})};
                   });
        return SmallVector<Value>{
            add(sums[0], whole, e.firstLanes(e.sub(columns, whole)))};
      })[0];
  Value zero = emit::f32(e.builder, e.loc, 0);
  return e.equalFloats(e.sum(sum), zero);
}
