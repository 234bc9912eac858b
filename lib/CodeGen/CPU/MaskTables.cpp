//===- MaskTables.cpp - Where the columns of a mask are -------------------===//
#include "MaskTables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Fills one row of the tables. Every key is written behind the columns so far
/// and stays there if it is a column, so that there is no branch.
static void fillRow(VectorEmitter &e, MaskOpInterface mask, Value batch,
                    Value keyCount, const MaskTables &tables) {
  Value zero = e.index(0), one = e.index(1);
  auto store = [&](Value number, Value table, Value place) {
    memref::StoreOp::create(e.builder, e.loc, number, table,
                            ValueRange{batch, place});
  };
  store(zero, tables.before, zero);
  e.loop(zero, keyCount, 1, zero, [&](Value key, ValueRange count) {
    store(key, tables.columns, count[0]);
    Value isColumn =
        mask.emitColumn(e.builder, e.loc, {batch, zero, zero, zero, key, key});
    Value next = e.add(count[0], e.select(isColumn, one, zero));
    store(next, tables.before, e.add(key, one));
    return SmallVector<Value>{next};
  });
}

MaskTables effattn::emitMaskTables(VectorEmitter &emitter, MaskOpInterface mask,
                                   Value batch, Value keyCount) {
  VectorEmitter &e = emitter;
  Type index = e.builder.getIndexType();
  MaskTables tables{e.scratch({batch, e.add(keyCount, 1)}, index),
                    e.scratch({batch, keyCount}, index)};
  e.parallel(batch, [&](ValueRange row) {
    fillRow(e, mask, row[0], keyCount, tables);
  });
  return tables;
}
