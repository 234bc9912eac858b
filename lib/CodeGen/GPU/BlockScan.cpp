//===- BlockScan.cpp - Running sums over the threads of a block -----------===//
#include "BlockScan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

BlockScan::BlockScan(KernelEmitter &emitter)
    : e(emitter), totals(e.shared({e.warps()}, e.builder.getI32Type())) {}

std::pair<Value, Value> BlockScan::sumBefore(Value number) {
  Value zero = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
  Value lane = e.lane(), warp = e.warp(), sum = number;
  for (int64_t step = 1; step < kWarpThreads; step *= 2) {
    Value other =
        e.shuffleFrom(sum, e.max(e.sub(lane, e.index(step)), e.index(0)));
    Value isThere = e.lessEqual(e.index(step), lane);
    sum = e.add(sum, e.select(isThere, other, zero));
  }
  // Nobody writes before all have read what was there.
  e.barrier();
  e.choose(e.equal(lane, e.index(kWarpThreads - 1)), [&] {
    memref::StoreOp::create(e.builder, e.loc, sum, totals, warp);
  });
  e.barrier();
  Value before = e.sub(sum, number), all = zero;
  for (int64_t i = 0; i < e.warps(); ++i) {
    Value total = emit::load(e.builder, e.loc, totals, e.index(i));
    before = e.add(before, e.select(e.lessThan(e.index(i), warp), total, zero));
    all = e.add(all, total);
  }
  return {before, all};
}
