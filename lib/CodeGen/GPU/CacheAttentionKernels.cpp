//===- CacheAttentionKernels.cpp - Attention over a cache -----------------===//
#include "AttentionProducts.h"
#include "CacheKernels.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/MaskOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

/// Blocks that turn the keys of a head, and their warps.
static constexpr int64_t kKeyBlocks = 32, kKeyWarps = 4;

static Type elementOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getElementType();
}

/// [sizes of `like` but the third, which is `rows`].
static Value allocateRows(LoopEmitter &host, Value like, Value rows,
                          Type element) {
  int64_t width = cast<MemRefType>(like.getType()).getDimSize(3);
  constexpr int64_t dynamic = ShapedType::kDynamic;
  SmallVector<Value> sizes{host.size(like, 0), host.size(like, 1), rows};
  if (ShapedType::isDynamic(width))
    sizes.push_back(host.size(like, 3));
  return memref::AllocOp::create(
      host.builder, host.loc,
      MemRefType::get({dynamic, dynamic, dynamic, width}, element), sizes);
}

/// What is turned is as precise as the products that follow.
void CacheAttentionKernels::allocate() {
  OpBuilder &builder = host.builder;
  Type element =
      TensorProducts::fit(q, cache.keys, cache.values, /*tf32=*/false)
          ? elementOf(q)
          : builder.getF32Type();
  turnedQueries = q;
  turnedKeys = cache.keys;
  results = out;
  if (settings) {
    Value slots = host.size(cache.keys, 2);
    // A query of an empty cache turns, too.
    tables.emplace(host, *settings, host.max(slots, host.index(1)));
    turnedKeys = allocateRows(host, cache.keys, slots, element);
  }
  if (settings || queries.first || elementOf(q) != elementOf(out))
    turnedQueries = allocateRows(host, q, queries.most, element);
  if (queries.first || elementOf(turnedQueries) != elementOf(out))
    results = allocateRows(host, out, queries.most, elementOf(turnedQueries));
}

void CacheAttentionKernels::free() {
  if (tables)
    tables->free();
  for (auto [memory, operand] :
       {std::pair(turnedQueries, q), {turnedKeys, cache.keys}, {results, out}})
    if (memory != operand)
      memref::DeallocOp::create(host.builder, host.loc, memory);
}

Value CacheAttentionKernels::countOf(LoopEmitter &e, Value row) const {
  if (queries.lengths)
    return emit::loadIndex(e.builder, e.loc, queries.lengths, row);
  return queries.most;
}

Value CacheAttentionKernels::firstOf(LoopEmitter &e, Value row) const {
  return queries.first ? emit::loadIndex(e.builder, e.loc, queries.first, row)
                       : e.index(0);
}

void CacheAttentionKernels::prepare(
    const std::function<Value(LoopEmitter &, Value)> &slotsOf) {
  if (!tables)
    return;
  Type i32 = host.builder.getI32Type();
  Value rows = host.size(cache.length, 0);
  auto longestRow = [&](KernelEmitter &e) {
    auto longer = [&](Value lhs, Value rhs) { return e.max(lhs, rhs); };
    Value one = arith::ConstantIntOp::create(e.builder, e.loc, 1, 32);
    Value longest =
        e.loop(e.lane(), rows, kWarpThreads, one,
               [&](Value row, ValueRange most) -> SmallVector<Value> {
                 Value slots = e.min(slotsOf(e, row), e.size(cache.keys, 2));
                 return {longer(most[0],
                                emit::fromIndex(e.builder, e.loc, slots, i32))};
               })[0];
    return emit::toIndex(e.builder, e.loc, e.reduceWarp(longest, longer));
  };
  tables->launch(longestRow, [](KernelEmitter &, Value slot) { return slot; });
}

/// A warp writes a query, and zeros where a row has fewer.
void CacheAttentionKernels::launchQueries() {
  KernelEmitter::launchWarps(
      host.builder, host.loc, "cache_queries",
      {host.size(q, 0), host.size(q, 1), queries.most},
      [&](KernelEmitter &e, ArrayRef<Value> at) {
        Value row = at[0], count = countOf(e, row);
        auto write = [&] {
          SmallVector<Value> from(at);
          from.back() = e.add(firstOf(e, row), at[2]);
          if (!tables)
            return e.copyRow(q, from, turnedQueries, at);
          Value length = emit::loadIndex(e.builder, e.loc, cache.length, row);
          Value slot = e.add(e.sub(length, count), at[2]);
          tables->rotateRow(e, e.max(slot, e.index(0)), q, from, turnedQueries,
                            at);
        };
        e.choose(e.lessThan(at[2], count), write,
                 [&] { e.clearRow(turnedQueries, at); });
      });
}

/// A warp turns an entry, and then the next one that no warp of the head has.
void CacheAttentionKernels::launchKeys() {
  SmallVector<Value> sizes{host.size(cache.keys, 0), host.size(cache.keys, 1),
                           host.index(kKeyBlocks)};
  Value blocks = host.mul(host.mul(sizes[0], sizes[1]), sizes[2]);
  auto emit = [&](KernelEmitter &e) {
    SmallVector<Value> at = e.split(e.block(), sizes);
    Value row = at[0], head = at[1];
    Value length = emit::loadIndex(e.builder, e.loc, cache.length, row);
    Value end =
        e.select(e.lessThan(e.index(0), countOf(e, row)), length, e.index(0));
    e.loop(e.add(e.mul(at[2], kKeyWarps), e.warp()), end,
           kKeyBlocks * kKeyWarps, [&](Value slot) {
             tables->rotateRow(e, slot, cache.keys, {row, head, slot},
                               turnedKeys, {row, head, slot});
           });
  };
  KernelEmitter::launch(host.builder, host.loc, "cache_keys", blocks,
                        kKeyWarps * kWarpThreads, emit);
}

void CacheAttentionKernels::launchResults() {
  KernelEmitter::launchWarps(
      host.builder, host.loc, "cache_results",
      {host.size(out, 0), host.size(out, 1), queries.most},
      [&](KernelEmitter &e, ArrayRef<Value> at) {
        SmallVector<Value> to(at);
        to.back() = e.add(firstOf(e, at[0]), at[2]);
        Value end = queries.first ? countOf(e, at[0]) : queries.most;
        e.choose(e.lessThan(at[2], end),
                 [&] { e.copyRow(results, at, out, to); });
      });
}

/// The queries are the last positions of the valid keys.
void CacheAttentionKernels::attend() {
  OpBuilder &builder = host.builder;
  if (turnedQueries != q)
    launchQueries();
  if (turnedKeys != cache.keys)
    launchKeys();
  auto attention = AttentionOp::create(
      builder, host.loc, TypeRange(), turnedQueries, turnedKeys, cache.values,
      queries.lengths, /*key_lengths=*/cache.length, /*key_positions=*/Value(),
      /*offset=*/Value(), results, /*lse=*/Value(), scale,
      /*softcap=*/FloatAttr());
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&attention.getMaskRegion());
    YieldOp::create(builder, host.loc, CausalMaskOp::create(builder, host.loc));
  }
  if (results != out)
    launchResults();
}

void CacheAttentionKernels::clear(Value lengths) {
  KernelEmitter::launchWarps(
      host.builder, host.loc, "cache_padding",
      getSizes(host.builder, host.loc, out, 3),
      [&](KernelEmitter &e, ArrayRef<Value> at) {
        Value length = emit::loadIndex(e.builder, e.loc, lengths, at[0]);
        e.choose(e.lessEqual(length, at[2]), [&] { e.clearRow(out, at); });
      });
}
