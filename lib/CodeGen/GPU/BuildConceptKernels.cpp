//===- BuildConceptKernels.cpp - Concepts from boundaries -----------------===//
#include "../ForEachOnBuffers.h"
#include "BoundarySegments.h"
#include "ConceptKernels.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/CheckNamer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDCONCEPTKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// chunk
//===----------------------------------------------------------------------===//

/// Nothing is written before the boundaries of all rows are known to fit.
static void checkCounts(LoopEmitter &host, ChunkOp op,
                        const BoundarySegments &boundaries) {
  if (!mayOverflow(op))
    return;
  CheckNamer namer(op);
  host.loop(host.index(0), host.size(op.getMask(), 0), 1, [&](Value row) {
    Value count = boundaries.total(host, row);
    OpBuilder named(host.builder.getContext(), &namer);
    named.restoreInsertionPoint(host.builder.saveInsertionPoint());
    checkCapacity(named, op, row, count);
  });
}

/// The tokens of the boundaries that are kept, and how many they are.
static void launchPlaces(LoopEmitter &host, ChunkOp op,
                         const BoundarySegments &boundaries, Value places) {
  Value rows = host.size(op.getMask(), 0);
  Value blocks = host.mul(rows, boundaries.segments());
  auto emit = [&](KernelEmitter &e) {
    BlockScan scan(e);
    SmallVector<Value> at = e.split(e.block(), {rows, boundaries.segments()});
    Value capacity = e.size(op.getConcepts(), 1);
    auto [token, isBoundary, number] =
        boundaries.tokenOf(e, scan, at[0], at[1]);
    auto toInteger = [&](Value index) {
      return emit::fromIndex(e.builder, e.loc, index, e.builder.getI32Type());
    };
    Value isKept = emit::logicalAnd(e.builder, e.loc, isBoundary,
                                    e.lessThan(number, capacity));
    e.choose(isKept, [&, token = token, number = number] {
      memref::StoreOp::create(e.builder, e.loc, toInteger(token), places,
                              ValueRange{at[0], number});
    });
    Value first = e.add(at[1], e.thread());
    e.choose(e.equal(first, e.index(0)), [&] {
      Value kept = e.min(boundaries.total(e, at[0]), capacity);
      memref::StoreOp::create(e.builder, e.loc, toInteger(kept), op.getCounts(),
                              at[0]);
    });
  };
  KernelEmitter::launch(host.builder, host.loc, "chunk_places", blocks,
                        BoundarySegments::kTokens, emit);
}

/// A warp copies a row, or fills one behind the last with zeros.
static void launchGather(LoopEmitter &host, ChunkOp op, Value places) {
  KernelEmitter::launchWarps(
      host.builder, host.loc, "chunk",
      getSizes(host.builder, host.loc, op.getConcepts(), 2),
      [&](KernelEmitter &e, ArrayRef<Value> at) {
        Value count = emit::loadIndex(e.builder, e.loc, op.getCounts(), at[0]);
        e.choose(
            e.lessThan(at[1], count),
            [&] {
              Value token = emit::loadIndex(e.builder, e.loc, places, at);
              e.copyRow(op.getH(), {at[0], token}, op.getConcepts(), at);
            },
            [&] { e.clearRow(op.getConcepts(), at); });
      });
}

void effattn::buildChunk(OpBuilder &builder, ChunkOp op) {
  LoopEmitter host(builder, op.getLoc());
  BoundarySegments boundaries(host, op.getMask(), op.getLengths());
  checkCounts(host, op, boundaries);
  constexpr int64_t dynamic = ShapedType::kDynamic;
  Value places = memref::AllocOp::create(
      builder, host.loc,
      MemRefType::get({dynamic, dynamic}, builder.getI32Type()),
      getSizes(builder, host.loc, op.getConcepts(), 2));
  launchPlaces(host, op, boundaries, places);
  launchGather(host, op, places);
  memref::DeallocOp::create(builder, host.loc, places);
  boundaries.free(host);
  op.erase();
}

namespace {
struct BuildConceptKernelsPass
    : effattn::impl::BuildConceptKernelsPassBase<BuildConceptKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<BoundaryProbabilityOp>(getOperation(),
                                            buildBoundaryProbability);
    forEachOnBuffers<BoundaryCountOp>(getOperation(), buildBoundaryCount);
    forEachOnBuffers<RatioLossOp>(getOperation(), buildRatioLoss);
    forEachOnBuffers<ChunkOp>(getOperation(), buildChunk);
    forEachOnBuffers<DechunkOp>(getOperation(), buildDechunk);
  }
};
} // namespace
