//===- ColumnTables.cpp - Find the columns of a mask ----------------------===//
#include "ColumnTables.h"
#include "BlockScan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kThreads = 512;
/// Keys of a thread, side by side.
static constexpr int64_t kKeys = 4;

namespace {
/// A block finds the columns of a batch row, some keys after the others.
class ColumnKernel {
public:
  ColumnKernel(KernelEmitter &e, MaskOpInterface mask, const MaskTables &tables)
      : e(e), mask(mask), tables(tables), batch(e.block()),
        keyCount(e.size(tables.columns, 1)), scan(e) {}

  void emit();

private:
  Value i32(int64_t value) {
    return arith::ConstantIntOp::create(e.builder, e.loc, value, 32);
  }
  void store(Value number, Value table, Value place) {
    memref::StoreOp::create(e.builder, e.loc, number, table,
                            ValueRange{batch, place});
  }
  Value isColumn(Value key);
  Value addKeys(Value first, Value before);

  KernelEmitter &e;
  MaskOpInterface mask;
  MaskTables tables;
  Value batch, keyCount;
  BlockScan scan;
};
} // namespace

/// 1 or 0.
Value ColumnKernel::isColumn(Value key) {
  return e.choose(
      e.lessThan(key, keyCount), e.builder.getI32Type(),
      [&]() -> SmallVector<Value> {
        Value zero = e.index(0);
        Value column = mask.emitColumn(e.builder, e.loc,
                                       {batch, zero, zero, zero, key, key});
        return {e.select(column, i32(1), i32(0))};
      },
      [&]() -> SmallVector<Value> { return {i32(0)}; })[0];
}

/// Keys of all threads from `first` on, with `before` columns in front of them.
Value ColumnKernel::addKeys(Value first, Value before) {
  Value mine = e.add(first, e.mul(e.thread(), kKeys)), count = i32(0);
  SmallVector<Value> are;
  for (int64_t i = 0; i < kKeys; ++i) {
    are.push_back(isColumn(e.add(mine, i)));
    count = e.add(count, are.back());
  }
  auto [inFront, all] = scan.sumBefore(count);
  Value number = e.add(before, inFront);
  for (int64_t i = 0; i < kKeys; ++i) {
    Value key = e.add(mine, i), next = e.add(number, are[i]);
    e.choose(e.equal(are[i], i32(1)), [&] {
      store(emit::fromIndex(e.builder, e.loc, key, e.builder.getI32Type()),
            tables.columns, emit::toIndex(e.builder, e.loc, number));
    });
    e.choose(e.lessThan(key, keyCount),
             [&] { store(next, tables.before, e.add(key, 1)); });
    number = next;
  }
  return e.add(before, all);
}

void ColumnKernel::emit() {
  e.choose(e.equal(e.thread(), e.index(0)),
           [&] { store(i32(0), tables.before, e.index(0)); });
  e.loop(e.index(0), keyCount, kThreads * kKeys, i32(0),
         [&](Value first, ValueRange before) {
           return SmallVector<Value>{addKeys(first, before[0])};
         });
}

MaskTables effattn::buildColumnTables(LoopEmitter &host, AttentionOp op) {
  Value batches = host.size(op.getQuery(), 0), keys = host.size(op.getKey(), 2);
  auto allocate = [&](Value count) -> Value {
    constexpr int64_t dynamic = ShapedType::kDynamic;
    auto type = MemRefType::get({dynamic, dynamic}, host.builder.getI32Type());
    return memref::AllocOp::create(host.builder, host.loc, type,
                                   ValueRange{batches, count});
  };
  MaskTables tables{allocate(host.add(keys, 1)), allocate(keys)};
  KernelEmitter::launch(host.builder, host.loc, "mask_columns", batches,
                        kThreads, [&](KernelEmitter &e) {
                          ColumnKernel(e, op.getRootMask(), tables).emit();
                        });
  return tables;
}

void effattn::freeColumnTables(LoopEmitter &host, const MaskTables &tables) {
  for (Value table : {tables.before, tables.columns})
    memref::DeallocOp::create(host.builder, host.loc, table);
}
