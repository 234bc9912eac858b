//===- BuildAttentionKernels.cpp - Attention, a block some queries --------===//
#include "../ForEachOnBuffers.h"
#include "AttentionKernel.h"
#include "ColumnTables.h"
#include "PackedRows.h"
#include "effattn/CodeGen/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDATTENTIONKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// Blocks that keep a large GPU busy, and keys that are worth one of them.
static constexpr int64_t kWantedBlocks = 264, kLeastSplit = 256;
/// The most queries of a key head that are few.
static constexpr int64_t kFew = 16;

namespace {
/// The kernels of one attention, seen from the host.
class AttentionKernels {
public:
  AttentionKernels(OpBuilder &builder, AttentionOp op,
                   std::optional<RelativeRows> relative, bool tf32)
      : e(builder, op.getLoc()), op(op), tf32(tf32) {
    call.op = op;
    call.relative = relative;
  }

  void build();

private:
  bool usesTensorCores() {
    return TensorProducts::fit(op.getQuery(), op.getKey(), op.getValue(), tf32);
  }
  void attend(bool areFew);
  void attendOnTensorCores(bool areFew);
  void attendInFloats(bool areFew);
  void launch(const AttentionTiling &tiling, int64_t threads,
              int64_t sharedBytes,
              function_ref<std::unique_ptr<AttentionProducts>(
                  KernelEmitter &, const AttentionProducts::Operands &)>
                  make);
  void mergeParts();
  void mergeRow(KernelEmitter &kernel, ArrayRef<Value> row);

  LoopEmitter e;
  AttentionOp op;
  bool tf32;
  AttentionCall call;
};
} // namespace

static TensorProducts::Shape chooseShape(MemRefType query, MemRefType value,
                                         bool areFew) {
  int64_t width = query.getDimSize(3), valueWidth = value.getDimSize(3);
  TensorProducts::Shape shape{};
  shape.elementBytes = TensorCores::bytesOf(query.getElementType());
  shape.width = llvm::alignTo(width, TensorCores::kRows);
  shape.valueWidth = llvm::alignTo(valueWidth, TensorCores::kRows);
  int64_t copied = TensorCores::kCopyBytes / shape.elementBytes;
  shape.copiedWidth = llvm::alignTo(width, copied);
  shape.copiedValueWidth = llvm::alignTo(valueWidth, copied);
  bool isWide = shape.widestBytes() > 256;
  // Two tiles of keys and values take at most 99 KiB with their queries, which
  // all GPUs have.
  shape.tileKeys = isWide ? 32 : 64;
  shape.queryWarps = areFew ? 1 : isWide ? 4 : 8;
  shape.keyWarps = !areFew ? 1 : isWide ? 2 : 4;
  return shape;
}

/// As many as loops need, with which a multiprocessor has room for 512 threads
/// or 384. Wider heads need all there are.
static std::optional<int64_t>
chooseRegisters(const TensorProducts::Shape &shape) {
  int64_t bytes = shape.widestBytes();
  if (bytes <= 128)
    return 128;
  return bytes <= 256 ? std::optional<int64_t>(168) : std::nullopt;
}

void AttentionKernels::attendOnTensorCores(bool areFew) {
  TensorProducts::Shape shape =
      chooseShape(cast<MemRefType>(op.getQuery().getType()),
                  cast<MemRefType>(op.getValue().getType()), areFew);
  launch(
      {shape.tileQueries(), shape.tileKeys, shape.valueWidth}, shape.threads(),
      shape.sharedBytes(),
      [&](KernelEmitter &kernel, const AttentionProducts::Operands &operands) {
        if (std::optional<int64_t> registers = chooseRegisters(shape))
          kernel.limitThreadRegisters(*registers);
        return std::make_unique<TensorProducts>(kernel, operands, shape);
      });
}

void AttentionKernels::attendInFloats(bool areFew) {
  FloatProducts::Shape shape{areFew ? 4 : 16, areFew ? 32 : 16};
  launch(
      {shape.tileQueries(), FloatProducts::kTileKeys,
       FloatProducts::kTileColumns},
      shape.threads(), shape.sharedBytes(),
      [&](KernelEmitter &kernel, const AttentionProducts::Operands &operands) {
        // Addresses in relative tables would take twice as many.
        if (call.relative)
          kernel.limitThreadRegisters(128);
        return std::make_unique<FloatProducts>(kernel, operands, shape);
      });
}

void AttentionKernels::attend(bool areFew) {
  if (usesTensorCores())
    attendOnTensorCores(areFew);
  else
    attendInFloats(areFew);
}

void AttentionKernels::launch(
    const AttentionTiling &tiling, int64_t threads, int64_t sharedBytes,
    function_ref<std::unique_ptr<AttentionProducts>(
        KernelEmitter &, const AttentionProducts::Operands &)>
        make) {
  OpBuilder &builder = e.builder;
  Value batches = e.size(op.getQuery(), 0), heads = e.size(op.getQuery(), 1),
        width = e.size(op.getValue(), 3), keys = e.size(op.getKey(), 2);
  call.queryTiles = e.ceilDiv(call.queries, tiling.queries);
  call.columnTiles = e.max(e.ceilDiv(width, tiling.columns), e.index(1));
  Value blocks = e.mul(e.mul(batches, call.keyHeads),
                       e.mul(call.queryTiles, call.columnTiles));
  Value wanted = e.ceilDiv(e.index(kWantedBlocks), e.max(blocks, e.index(1)));
  call.splits = e.max(e.min(wanted, e.ceilDiv(keys, kLeastSplit)), e.index(1));
  Value isSplit = e.lessThan(e.index(1), call.splits);
  SmallVector<Value> sizes{e.select(isSplit, batches, e.index(0)), heads,
                           e.size(op.getQuery(), 2), call.splits};
  auto allocate = [&](ArrayRef<Value> sizes) -> Value {
    auto type = MemRefType::get(
        SmallVector<int64_t>(sizes.size(), ShapedType::kDynamic),
        builder.getF32Type());
    return memref::AllocOp::create(builder, e.loc, type, sizes);
  };
  call.partLse = allocate(sizes);
  sizes.push_back(e.size(op.getOut(), 3));
  call.partMeans = allocate(sizes);
  KernelEmitter::launch(
      builder, e.loc, "attention", e.mul(blocks, call.splits), threads,
      [&](KernelEmitter &kernel) {
        AttentionKernel(kernel, call, tiling)
            .emit([&](const AttentionProducts::Operands &operands) {
              return make(kernel, operands);
            });
      },
      sharedBytes);
  mergeParts();
  memref::DeallocOp::create(builder, e.loc, call.partLse);
  memref::DeallocOp::create(builder, e.loc, call.partMeans);
}

/// The mean of the parts of a query, each of which weighs as much as the sum of
/// its weights.
void AttentionKernels::mergeRow(KernelEmitter &k, ArrayRef<Value> row) {
  Value zero = emit::f32(k.builder, k.loc, 0);
  Value none = emit::negativeInfinity(k.builder, k.loc);
  auto load = [&](Value buffer, Value part, Value column = {}) {
    SmallVector<Value> at(row);
    at.push_back(part);
    if (column)
      at.push_back(column);
    return emit::load(k.builder, k.loc, buffer, at);
  };
  Value largest = k.loop(k.lane(), call.splits, kWarpThreads, none,
                         [&](Value part, ValueRange before) {
                           return SmallVector<Value>{k.maxNumber(
                               before[0], load(call.partLse, part))};
                         })[0];
  largest = k.maxWarp(largest);
  Value base = k.select(k.equalFloats(largest, none), zero, largest);
  auto weightOf = [&](Value part) {
    Value log2E = emit::f32(k.builder, k.loc, llvm::numbers::log2e);
    return k.exp2(
        k.mulFloats(k.subFloats(load(call.partLse, part), base), log2E));
  };
  Value total = k.loop(k.lane(), call.splits, kWarpThreads, zero,
                       [&](Value part, ValueRange before) {
                         return SmallVector<Value>{
                             k.addFloats(before[0], weightOf(part))};
                       })[0];
  total = k.sumWarp(total);
  Value isEmpty = k.equalFloats(total, zero);
  SmallVector<Value> to(row);
  to.emplace_back();
  k.loop(k.lane(), k.size(call.partMeans, 4), kWarpThreads, [&](Value column) {
    Value sum = k.loop(
        k.index(0), call.splits, 1, zero, [&](Value part, ValueRange before) {
          return SmallVector<Value>{k.mulAdd(
              weightOf(part), load(call.partMeans, part, column), before[0])};
        })[0];
    to.back() = column;
    k.storeFloat(k.select(isEmpty, zero, k.divFloats(sum, total)), op.getOut(),
                 to);
  });
  if (!op.getLse())
    return;
  Value lse =
      k.addFloats(largest, math::LogOp::create(k.builder, k.loc, total));
  k.choose(k.equal(k.lane(), k.index(0)), [&] {
    k.storeFloat(k.select(isEmpty, none, lse), op.getLse(), row);
  });
}

/// A warp joins the parts of a query.
void AttentionKernels::mergeParts() {
  constexpr int64_t threads = 128;
  SmallVector<Value> sizes;
  Value rows = e.index(1);
  for (int64_t dim = 0; dim < 3; ++dim) {
    sizes.push_back(e.size(call.partLse, dim));
    rows = e.mul(rows, sizes.back());
  }
  KernelEmitter::launch(
      e.builder, e.loc, "attention_merge",
      e.ceilDiv(rows, threads / kWarpThreads), threads, [&](KernelEmitter &k) {
        Value number = k.add(k.mul(k.block(), k.warps()), k.warp());
        k.choose(k.lessThan(number, rows), [&] {
          SmallVector<Value> row = k.split(number, sizes);
          mergeRow(k, row);
        });
      });
}

void AttentionKernels::build() {
  Value zero = e.index(0), one = e.index(1);
  Value heads = e.size(op.getQuery(), 1), groups = e.size(op.getKey(), 1);
  // Without heads there are no blocks, and no division by 0 either.
  call.headsOfGroup = e.max(e.quotient(heads, e.max(groups, one)), one);
  call.keyHeads = e.select(e.equal(heads, zero), zero, groups);
  call.queries = e.mul(e.size(op.getQuery(), 2), call.headsOfGroup);
  if (KeptKeys::hasTables(op))
    call.tables = buildColumnTables(e, op);
  SmallVector<PackedRows, 3> packed;
  for (auto [rows, source] : {std::pair(&call.query, op.getQuery()),
                              {&call.key, op.getKey()},
                              {&call.value, op.getValue()}}) {
    *rows = source;
    if (usesTensorCores())
      *rows = packed.emplace_back(e, source).get();
  }
  Value areFew = e.lessEqual(call.queries, e.index(kFew));
  e.choose(areFew, [&] { attend(true); }, [&] { attend(false); });
  for (PackedRows &rows : packed)
    rows.free();
  if (call.tables)
    freeColumnTables(e, *call.tables);
  op.erase();
}

void effattn::emitAttention(OpBuilder &builder, AttentionOp op,
                            std::optional<RelativeRows> relative, bool tf32) {
  AttentionKernels(builder, op, relative, tf32).build();
}

namespace {
struct BuildAttentionKernelsPass
    : effattn::impl::BuildAttentionKernelsPassBase<BuildAttentionKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    forEachOnBuffers<AttentionOp>(
        getOperation(), [&](OpBuilder &builder, AttentionOp op) {
          emitAttention(builder, op, /*relative=*/std::nullopt, tf32);
        });
    forEachOnBuffers<SystematicAttentionOp>(getOperation(),
                                            emitSystematicAttention);
  }
};
} // namespace
