//===- RankSort.cpp - Rows of ranks in order ------------------------------===//
#include "RankSort.h"
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::effattn;

/// Orders the two ranks of pair `place.back()` that stand `stride` apart:
/// stretches of `length` go down and up in turn.
static void exchange(LoopEmitter &e, Value ranks, ValueRange place,
                     Value stride, Value length) {
  Value pair = place.back();
  Value below =
      arith::AndIOp::create(e.builder, e.loc, pair, e.sub(stride, e.index(1)));
  Value at = e.add(e.mul(e.sub(pair, below), 2), below);
  SmallVector<Value> row(place.drop_back());
  SmallVector<Value> first = joinIndices(row, at),
                     second = joinIndices(row, e.add(at, stride));
  Value upper = emit::load(e.builder, e.loc, ranks, first);
  Value lower = emit::load(e.builder, e.loc, ranks, second);
  Value goesUp = arith::CmpIOp::create(
      e.builder, e.loc, arith::CmpIPredicate::ne,
      arith::AndIOp::create(e.builder, e.loc, at, length), e.index(0));
  Value swaps =
      arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ne,
                            e.lessThan(upper, lower), goesUp);
  memref::StoreOp::create(e.builder, e.loc, e.select(swaps, lower, upper),
                          ranks, first);
  memref::StoreOp::create(e.builder, e.loc, e.select(swaps, upper, lower),
                          ranks, second);
}

void effattn::emitRankSort(OpBuilder &builder, Location loc, Value ranks,
                           Value bits) {
  LoopEmitter e(builder, loc);
  Value one = e.index(1);
  auto power = [&](Value exponent) -> Value {
    return arith::ShLIOp::create(builder, loc, one, exponent);
  };
  int64_t last = cast<MemRefType>(ranks.getType()).getRank() - 1;
  SmallVector<Value> sizes = getSizes(builder, loc, ranks, last);
  sizes.push_back(
      arith::ShRUIOp::create(builder, loc, e.size(ranks, last), one));
  e.loop(e.index(0), bits, 1, [&](Value sorted) {
    Value length = power(e.add(sorted, 1));
    e.loop(e.index(0), e.add(sorted, 1), 1, [&](Value step) {
      Value stride = power(e.sub(sorted, step));
      emitParallel(builder, loc, sizes,
                   [&](OpBuilder &nested, ValueRange place) {
                     LoopEmitter inner(nested, loc);
                     exchange(inner, ranks, place, stride, length);
                   });
    });
  });
}
