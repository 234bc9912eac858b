//===- DividedProduct.cpp - Long sums of few tiles, by many blocks --------===//
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::effattn;

/// Blocks that keep a large GPU busy, and depths that are worth one of them.
static constexpr int64_t kWantedBlocks = 264, kLeastDepth = 256;

static bool mayDivide(const MatrixProduct &product) {
  std::optional<int64_t> depth = getConstantIntValue(product.depth);
  return !product.loader && !product.countRows &&
         !(depth && *depth < 2 * kLeastDepth);
}

/// As many as blocks are wanted for each tile, and one where one is enough.
static Value countParts(LoopEmitter &host, const MatrixProduct &product,
                        TileShape shape) {
  Value tiles = host.max(countTiles(host, product, shape), host.index(1));
  Value wanted = host.quotient(host.index(kWantedBlocks), tiles);
  Value most = host.quotient(product.depth, kLeastDepth);
  return host.max(host.min(wanted, most), host.index(1));
}

/// A thread adds up what the parts have of a column of a row, in their order.
static void sumParts(KernelEmitter &e, const MatrixProduct &product,
                     const DepthParts &parts, ArrayRef<Value> place) {
  Value batch = place[0], row = place[1];
  Value column = e.add(e.mul(place[2], kWarpThreads), e.lane());
  if (product.batches)
    product.enterBatch(batch);
  auto writeColumn = product.writeRow(e, row);
  e.choose(e.lessThan(column, product.columns), [&] {
    SmallVector<Value> zeros(product.rights.size(),
                             emit::f32(e.builder, e.loc, 0));
    auto addPart = [&](Value part, ValueRange before) {
      SmallVector<Value> sums;
      for (auto [panel, sum] : llvm::enumerate(before)) {
        Value at = e.add(column, e.mul(product.columns, panel));
        sums.push_back(
            e.addFloats(sum, e.loadFloat(parts.sums, {part, batch, row, at})));
      }
      return sums;
    };
    writeColumn(column, e.loop(e.index(0), parts.count, 1, zeros, addPart));
  });
}

void effattn::emitDividedProduct(OpBuilder &builder, Location loc,
                                 StringRef name, const MatrixProduct &product,
                                 TileEngine &engine) {
  if (!mayDivide(product))
    return emitTileProduct(builder, loc, name, product, engine);
  LoopEmitter host(builder, loc);
  DepthParts parts;
  parts.count = countParts(host, product, engine.shape);
  Value isDivided = host.lessThan(host.index(1), parts.count);
  Value batches = product.batches ? product.batches : host.index(1);
  auto type = MemRefType::get(SmallVector<int64_t>(4, ShapedType::kDynamic),
                              builder.getF32Type());
  parts.sums = memref::AllocOp::create(
      builder, loc, type,
      ValueRange{host.select(isDivided, parts.count, host.index(0)), batches,
                 product.rows,
                 host.mul(product.columns, product.rights.size())});
  emitTileProduct(builder, loc, name, product, engine, &parts);
  host.choose(isDivided, [&] {
    Value groups = host.ceilDiv(product.columns, kWarpThreads);
    KernelEmitter::launchWarps(builder, loc, (name + "_sum").str(),
                               {batches, product.rows, groups},
                               [&](KernelEmitter &e, ArrayRef<Value> place) {
                                 sumParts(e, product, parts, place);
                               });
  });
  memref::DeallocOp::create(builder, loc, parts.sums);
}
