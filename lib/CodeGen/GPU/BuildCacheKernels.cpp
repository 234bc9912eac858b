//===- BuildCacheKernels.cpp - Caches, a warp an entry --------------------===//
#include "../ForEachOnBuffers.h"
#include "CacheKernels.h"
#include "effattn/CodeGen/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDCACHEKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// What ops share
//===----------------------------------------------------------------------===//

Value NewTokens::count(LoopEmitter &e, Value row) const {
  if (lengths)
    return emit::loadIndex(e.builder, e.loc, lengths, row);
  return e.size(k, 2);
}

void effattn::storeOfRow(LoopEmitter &e, Value memory, Value row,
                         Value number) {
  Type type = cast<MemRefType>(memory.getType()).getElementType();
  memref::StoreOp::create(e.builder, e.loc,
                          emit::fromIndex(e.builder, e.loc, number, type),
                          memory, row);
}

void effattn::addToRow(LoopEmitter &e, Value memory, Value row, Value number) {
  Value before = emit::loadIndex(e.builder, e.loc, memory, row);
  storeOfRow(e, memory, row, e.add(before, number));
}

/// A warp copies the key and the value of a token in a head. The one of the
/// first head writes the flag, even if there is no head.
void effattn::launchAppend(LoopEmitter &host, const NewTokens &tokens,
                           const CacheMemory &cache, Value most, bool isRing,
                           const RangeOfRow &rangeOf) {
  Value heads = host.size(cache.keys, 1);
  auto copy = [&](KernelEmitter &e, ArrayRef<Value> at) {
    Value row = at[0], head = at[1];
    TokenRange range = rangeOf(e, row);
    auto copyToken = [&] {
      Value token = e.add(range.first, at[2]);
      Value entry = e.add(range.entry, at[2]);
      Value end = e.size(cache.keys, 2);
      if (isRing)
        entry = e.select(e.lessThan(entry, end), entry, e.sub(entry, end));
      e.choose(e.lessThan(head, heads), [&] {
        e.copyRow(tokens.k, {row, head, token}, cache.keys, {row, head, entry});
        e.copyRow(tokens.v, {row, head, token}, cache.values,
                  {row, head, entry});
      });
      if (!cache.flags)
        return;
      Value isFirst = e.equal(e.add(head, e.lane()), e.index(0));
      e.choose(isFirst, [&] {
        Value flag = emit::load(e.builder, e.loc, tokens.flags, {row, token});
        memref::StoreOp::create(e.builder, e.loc, flag, cache.flags,
                                ValueRange{row, entry});
      });
    };
    e.choose(e.lessThan(at[2], range.count), copyToken);
  };
  KernelEmitter::launchWarps(
      host.builder, host.loc, "cache_append",
      {host.size(cache.keys, 0), host.max(heads, host.index(1)), most}, copy);
}

//===----------------------------------------------------------------------===//
// Single ops
//===----------------------------------------------------------------------===//

/// All new tokens of a row, and then its length.
template <typename Op>
static void buildAppend(OpBuilder &builder, Op op, bool isRing) {
  LoopEmitter host(builder, op.getLoc());
  NewTokens tokens = NewTokens::of(op);
  CacheMemory cache = CacheMemory::of(op);
  auto rangeOf = [&](LoopEmitter &e, Value row) -> TokenRange {
    Value entry = emit::loadIndex(e.builder, e.loc, cache.length, row);
    if (isRing)
      entry = e.remainder(entry, e.max(e.size(cache.keys, 2), e.index(1)));
    return {e.index(0), tokens.count(e, row), entry};
  };
  launchAppend(host, tokens, cache, host.size(op.getK(), 2), isRing, rangeOf);
  emitParallel(builder, host.loc, host.size(op.getLength(), 0),
               [&](OpBuilder &nested, ValueRange row) {
                 LoopEmitter e(nested, host.loc);
                 addToRow(e, cache.length, row[0], tokens.count(e, row[0]));
               });
  op.erase();
}

static void buildCompact(OpBuilder &builder, SeparatorCacheCompactOp op) {
  LoopEmitter host(builder, op.getLoc());
  CacheMemory cache = CacheMemory::of(op);
  CompactionKernels compaction(host, SeparatorLayout::of(op), cache);
  compaction.launch([&](LoopEmitter &e, Value row) {
    Value length = emit::loadIndex(e.builder, e.loc, cache.length, row);
    return compaction.isFull(e, length);
  });
  compaction.free();
  op.erase();
}

static void buildAttention(OpBuilder &builder, CacheAttentionOp op) {
  LoopEmitter host(builder, op.getLoc());
  CacheQueries queries;
  queries.lengths = op.getLengths();
  queries.most = host.size(op.getQ(), 2);
  CacheAttentionKernels attention(host, op, queries);
  attention.prepare([&](LoopEmitter &e, Value row) {
    return emit::loadIndex(e.builder, e.loc, op.getLength(), row);
  });
  attention.attend();
  attention.free();
  op.erase();
}

namespace {
struct BuildCacheKernelsPass
    : effattn::impl::BuildCacheKernelsPassBase<BuildCacheKernelsPass> {
  void runOnOperation() override {
    Operation *root = getOperation();
    forEachOnBuffers<KvCacheAppendOp>(
        root, [](OpBuilder &builder, KvCacheAppendOp op) {
          buildAppend(builder, op, op.getRing());
        });
    forEachOnBuffers<SeparatorCacheAppendOp>(
        root, [](OpBuilder &builder, SeparatorCacheAppendOp op) {
          buildAppend(builder, op, /*isRing=*/false);
        });
    forEachOnBuffers<SeparatorCacheCompactOp>(root, buildCompact);
    forEachOnBuffers<CacheAttentionOp>(root, buildAttention);
    forEachOnBuffers<SeparatorCacheUpdateOp>(root, buildCacheUpdate);
  }
};
} // namespace
