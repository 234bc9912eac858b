//===- BoundarySegments.cpp - Count boundaries of concepts ----------------===//
#include "BoundarySegments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::effattn;

static Value integer(LoopEmitter &e, int64_t value) {
  return arith::ConstantIntOp::create(e.builder, e.loc, value, 32);
}

Value effattn::countValid(LoopEmitter &e, Value tokens, Value lengths,
                          Value row) {
  if (lengths)
    return emit::loadIndex(e.builder, e.loc, lengths, row);
  return e.size(tokens, 1);
}

BoundarySegments::BoundarySegments(LoopEmitter &host, Value mask, Value lengths)
    : mask(mask), lengths(lengths) {
  Value rows = host.size(mask, 0), tokens = host.size(mask, 1);
  segmentCount = host.max(host.ceilDiv(tokens, kTokens), host.index(1));
  constexpr int64_t dynamic = ShapedType::kDynamic;
  before = memref::AllocOp::create(
      host.builder, host.loc,
      MemRefType::get({dynamic, dynamic}, host.builder.getI32Type()),
      ValueRange{rows, host.add(segmentCount, 1)});
  countSegments(host, rows);
  addSegments(host, rows);
}

void BoundarySegments::free(LoopEmitter &host) {
  memref::DeallocOp::create(host.builder, host.loc, before);
}

Value BoundarySegments::total(LoopEmitter &e, Value row) const {
  return emit::loadIndex(e.builder, e.loc, before, {row, segmentCount});
}

std::pair<Value, Value> BoundarySegments::load(KernelEmitter &e, Value row,
                                               Value segment) const {
  Value token = e.add(e.mul(segment, kTokens), e.thread());
  Value count = e.choose(
      e.lessThan(token, validTokens(e, row)), e.builder.getI32Type(),
      [&]() -> SmallVector<Value> {
        Value isSet = emit::load(e.builder, e.loc, mask, {row, token});
        return {e.select(isSet, integer(e, 1), integer(e, 0))};
      },
      [&]() -> SmallVector<Value> { return {integer(e, 0)}; })[0];
  return {token, count};
}

BoundarySegments::Token BoundarySegments::tokenOf(KernelEmitter &e,
                                                  BlockScan &scan, Value row,
                                                  Value segment) const {
  auto [token, count] = load(e, row, segment);
  Value inSegment = scan.sumBefore(count).first;
  Value inFront = emit::load(e.builder, e.loc, before, {row, segment});
  return {token, e.equal(count, integer(e, 1)),
          emit::toIndex(e.builder, e.loc, e.add(inFront, inSegment))};
}

void BoundarySegments::countSegments(LoopEmitter &host, Value rows) {
  KernelEmitter::launch(
      host.builder, host.loc, "count_boundaries", host.mul(rows, segmentCount),
      kTokens, [&](KernelEmitter &e) {
        SmallVector<Value> at = e.split(e.block(), {rows, segmentCount});
        BlockScan scan(e);
        Value all = scan.sumBefore(load(e, at[0], at[1]).second).second;
        e.choose(e.equal(e.thread(), e.index(0)), [&] {
          memref::StoreOp::create(e.builder, e.loc, all, before,
                                  ValueRange{at[0], e.add(at[1], 1)});
        });
      });
}

/// A block a row turns the boundaries of segments into those up to their ends.
void BoundarySegments::addSegments(LoopEmitter &host, Value rows) {
  KernelEmitter::launch(
      host.builder, host.loc, "add_boundaries", rows, kTokens,
      [&](KernelEmitter &e) {
        BlockScan scan(e);
        Value row = e.block();
        auto store = [&](Value number, Value place) {
          memref::StoreOp::create(e.builder, e.loc, number, before,
                                  ValueRange{row, place});
        };
        e.choose(e.equal(e.thread(), e.index(0)),
                 [&] { store(integer(e, 0), e.index(0)); });
        auto addSome = [&](Value first, ValueRange sum) -> SmallVector<Value> {
          Value segment = e.add(first, e.thread()), end = e.add(segment, 1);
          Value isThere = e.lessThan(segment, segmentCount);
          Value own = e.choose(
              isThere, e.builder.getI32Type(),
              [&]() -> SmallVector<Value> {
                return {emit::load(e.builder, e.loc, before, {row, end})};
              },
              [&]() -> SmallVector<Value> { return {integer(e, 0)}; })[0];
          auto [inFront, all] = scan.sumBefore(own);
          Value upToEnd = e.add(sum[0], e.add(inFront, own));
          e.choose(isThere, [&] { store(upToEnd, end); });
          return {e.add(sum[0], all)};
        };
        e.loop(e.index(0), segmentCount, kTokens, integer(e, 0), addSome);
      });
}
