//===- PackedRows.cpp - Rows that can be copied 16 bytes at a time --------===//
#include "PackedRows.h"
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::effattn;

static constexpr int64_t kBytes = 16;
static constexpr int64_t kThreads = 256;

/// How many of a buffer's numbers take 16 bytes.
static int64_t countAtOnce(MemRefType type) {
  return kBytes * 8 / type.getElementTypeBitWidth();
}

/// Whether rows begin at multiples of 16 bytes and have no gaps.
static Value areAligned(LoopEmitter &e, Value source) {
  int64_t atOnce = countAtOnce(cast<MemRefType>(source.getType()));
  auto parts =
      memref::ExtractStridedMetadataOp::create(e.builder, e.loc, source);
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(e.builder, e.loc, source);
  Value rest = e.remainder(parts.getOffset(), atOnce);
  for (Value stride : parts.getStrides().drop_back())
    rest = e.add(rest, e.remainder(stride, atOnce));
  rest = e.add(rest, e.remainder(address, kBytes));
  return emit::logicalAnd(e.builder, e.loc, e.equal(rest, e.index(0)),
                          e.equal(parts.getStrides().back(), e.index(1)));
}

/// Whether the numbers of a row may lie side by side, for all that is known.
static bool mayHaveRows(MemRefType type) {
  auto [strides, offset] = type.getStridesAndOffset();
  return strides.back() == 1 || ShapedType::isDynamic(strides.back());
}

/// A warp copies a row.
static void copyRows(LoopEmitter &host, Value source, Value copy) {
  SmallVector<Value> sizes;
  Value rows = host.index(1);
  for (int64_t dim = 0; dim < 3; ++dim) {
    sizes.push_back(host.size(copy, dim));
    rows = host.mul(rows, sizes.back());
  }
  Type element = cast<MemRefType>(copy.getType()).getElementType();
  KernelEmitter::launch(
      host.builder, host.loc, "pack_rows",
      host.ceilDiv(rows, kThreads / kWarpThreads), kThreads,
      [&](KernelEmitter &e) {
        Value zero = arith::ConstantOp::create(
            e.builder, e.loc, e.builder.getFloatAttr(element, 0.0));
        Value number = e.add(e.mul(e.block(), e.warps()), e.warp());
        e.choose(e.lessThan(number, rows), [&] {
          SmallVector<Value> at = e.split(number, sizes);
          at.emplace_back();
          e.loop(e.lane(), e.size(copy, 3), kWarpThreads, [&](Value column) {
            at.back() = column;
            Value number = e.choose(
                e.lessThan(column, e.size(source, 3)), element,
                [&]() -> SmallVector<Value> {
                  return {emit::load(e.builder, e.loc, source, at)};
                },
                [&]() -> SmallVector<Value> { return {zero}; })[0];
            memref::StoreOp::create(e.builder, e.loc, number, copy, at);
          });
        });
      });
}

PackedRows::PackedRows(LoopEmitter &host, Value source)
    : e(host), rows(source) {
  auto type = cast<MemRefType>(source.getType());
  int64_t width = type.getDimSize(3),
          packed = llvm::alignTo(width, countAtOnce(type));
  bool isWhole = width == packed && mayHaveRows(type);
  // What is contiguous begins where it was allocated.
  if (isWhole && type.getLayout().isIdentity())
    return;
  constexpr int64_t dynamic = ShapedType::kDynamic;
  Value isNeeded =
      isWhole ? emit::logicalNot(e.builder, e.loc, areAligned(e, source))
              : emit::boolean(e.builder, e.loc, true);
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < 3; ++dim)
    sizes.push_back(e.size(source, dim));
  sizes[0] = e.select(isNeeded, sizes[0], e.index(0));
  copy = memref::AllocOp::create(
      e.builder, e.loc,
      MemRefType::get({dynamic, dynamic, dynamic, packed},
                      type.getElementType()),
      sizes);
  copyRows(e, source, copy);
  rows = copy;
  if (!isWhole)
    return;
  auto strided = MemRefType::get(
      {dynamic, dynamic, dynamic, packed}, type.getElementType(),
      StridedLayoutAttr::get(e.builder.getContext(), dynamic,
                             {dynamic, dynamic, dynamic, 1}));
  auto cast = [&](Value buffer) -> Value {
    if (buffer.getType() == strided)
      return buffer;
    return memref::CastOp::create(e.builder, e.loc, strided, buffer);
  };
  rows = e.select(isNeeded, cast(copy), cast(source));
}

void PackedRows::free() {
  if (copy)
    memref::DeallocOp::create(e.builder, e.loc, copy);
}
