//===- BuildRotaryKernels.cpp - Rotary positions, a warp a row ------------===//
#include "../ForEachOnBuffers.h"
#include "RotaryKernels.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/AttentionOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDROTARYKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

static void build(OpBuilder &builder, RotaryEmbeddingOp op) {
  LoopEmitter host(builder, op.getLoc());
  Value batches = host.size(op.getX(), 0), tokens = host.size(op.getX(), 2);
  Value rows = host.mul(batches, tokens);
  RotaryTables tables(
      host,
      {op.getLayout(), op.getBase(), op.getScaling(), op.emitDims(builder)},
      rows);
  tables.launch([&](KernelEmitter &) { return rows; },
                [&](KernelEmitter &e, Value row) {
                  return emit::load(e.builder, e.loc, op.getPositions(),
                                    e.split(row, {batches, tokens}));
                });
  KernelEmitter::launchWarps(builder, host.loc, "rotary_embedding",
                             getSizes(builder, host.loc, op.getX(), 3),
                             [&](KernelEmitter &e, ArrayRef<Value> at) {
                               Value row = e.add(e.mul(at[0], tokens), at[2]);
                               tables.rotateRow(e, row, op.getX(), at,
                                                op.getOut(), at);
                             });
  tables.free();
  op.erase();
}

namespace {
struct BuildRotaryKernelsPass
    : effattn::impl::BuildRotaryKernelsPassBase<BuildRotaryKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<RotaryEmbeddingOp>(getOperation(), build);
  }
};
} // namespace
