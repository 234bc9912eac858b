//===- FactorTile.cpp - Parts of matrices in shared memory ----------------===//
#include "FactorTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

using namespace mlir;
using namespace mlir::effattn;

static int64_t bytesOf(Type element) {
  return element.getIntOrFloatBitWidth() / 8;
}

//===----------------------------------------------------------------------===//
// Where a thread reads
//===----------------------------------------------------------------------===//

/// The buffer behind a memref as one row, from the memref's first element on.
static Value flatten(KernelEmitter &e, memref::ExtractStridedMetadataOp view,
                     Type element) {
  int64_t any = ShapedType::kDynamic;
  auto layout = StridedLayoutAttr::get(e.builder.getContext(), any, {1});
  OpFoldResult one = e.builder.getIndexAttr(1);
  OpFoldResult all =
      e.builder.getIndexAttr(std::numeric_limits<int32_t>::max());
  auto type =
      MemRefType::get({std::numeric_limits<int32_t>::max()}, element, layout);
  return memref::ReinterpretCastOp::create(
      e.builder, e.loc, type, view.getBaseBuffer(),
      OpFoldResult(view.getOffset()), ArrayRef<OpFoldResult>{all},
      ArrayRef<OpFoldResult>{one});
}

void FactorTile::begin(Value first, Value lines, Value depth) {
  wholeDepth = depth;
  std::function<Value(Value)> startOf;
  if (!factor.enterLine) {
    auto view = memref::ExtractStridedMetadataOp::create(e.builder, e.loc,
                                                         factor.memory);
    flat = flatten(e, view, factor.element());
    depthStep = factor.depthIsAdjacent
                    ? e.index(1)
                    : Value(view.getStrides()[factor.depthDim]);
    startOf = [&, view](Value line) mutable {
      Value start = e.index(0);
      for (auto [index, stride] :
           llvm::zip(factor.at(line, e.index(0)), view.getStrides()))
        start = e.add(start, e.mul(index, stride));
      return start;
    };
  }
  Value lastLine = e.sub(lines, e.index(1));
  // Neighbouring threads read neighbouring numbers.
  bool alongLines = factor.linesAreAdjacent;
  int64_t perRow = (alongLines ? count : layout.depth) / layout.step;
  int64_t rows = alongLines ? layout.depth : count;
  int64_t rowsAtOnce = e.threads() / perRow;
  Value outer = e.quotient(e.thread(), perRow);
  Value inner = e.mul(e.remainder(e.thread(), perRow), layout.step);
  depthPlace = alongLines ? outer : inner;
  linePlace = alongLines ? inner : outer;
  if (alongLines && layout.step > 1) {
    Value rest = e.sub(lines, e.add(first, linePlace));
    adjacentLines = e.min(e.max(rest, e.index(0)), e.index(layout.step));
  }
  for (int64_t row = 0; row < rows; row += rowsAtOnce) {
    Chunk chunk{/*source=*/nullptr, alongLines ? 0 : row, alongLines ? row : 0,
                /*make=*/nullptr};
    Value line = e.add(e.add(first, linePlace), chunk.lineOffset);
    line = e.min(line, lastLine);
    if (factor.enterLine)
      chunk.make = factor.enterLine(line);
    else
      chunk.source =
          e.add(startOf(line),
                e.mul(e.add(depthPlace, chunk.depthOffset), depthStep));
    chunks.push_back(chunk);
  }
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Copies without registers have at least 4 bytes and convert nothing.
bool FactorTile::isAsynchronous() const {
  return factor.element() == layout.element &&
         layout.step * bytesOf(layout.element) >= 4;
}

void FactorTile::copy(Value slot, Value depth) {
  Value rest = e.sub(e.sub(wholeDepth, depth), depthPlace);
  for (const Chunk &chunk : chunks) {
    Value line = e.add(linePlace, firstPlace + chunk.lineOffset);
    Value place = e.add(depthPlace, chunk.depthOffset);
    SmallVector<Value> to{slot, line, place};
    if (layout.linesAreAdjacent)
      std::swap(to[1], to[2]);
    Value left = e.sub(rest, e.index(chunk.depthOffset));
    if (chunk.make) {
      copyNow([&] { return chunk.make(e.add(depth, place)); }, left, to);
      continue;
    }
    Value source = e.add(chunk.source, e.mul(depth, depthStep));
    if (isAsynchronous())
      copyLater(source, left, to);
    else
      copyNow([&] { return emit::load(e.builder, e.loc, flat, source); }, left,
              to);
  }
}

void FactorTile::copyLater(Value source, Value rest, ValueRange to) {
  Value zero = e.index(0), step = e.index(layout.step);
  Value count = adjacentLines ? adjacentLines : step;
  if (factor.linesAreAdjacent || layout.step == 1)
    count = e.select(e.lessThan(zero, rest), count, zero);
  else
    count = e.max(e.min(rest, step), zero);
  bool isWhole = layout.step * bytesOf(layout.element) == 16;
  nvgpu::DeviceAsyncCopyOp::create(
      e.builder, e.loc,
      nvgpu::DeviceAsyncTokenType::get(e.builder.getContext()), shared, to,
      flat, source, e.builder.getIndexAttr(layout.step), count,
      isWhole ? e.builder.getUnitAttr() : UnitAttr());
}

void FactorTile::copyNow(function_ref<Value()> read, Value rest,
                         ValueRange to) {
  bool converts = factor.element() != layout.element;
  Type carried = converts ? Type(e.builder.getF32Type()) : layout.element;
  auto load = [&]() -> SmallVector<Value> {
    return {emit::toFloat(e.builder, e.loc, read(), carried)};
  };
  auto zero = [&]() -> SmallVector<Value> {
    return {arith::ConstantOp::create(e.builder, e.loc,
                                      e.builder.getZeroAttr(carried))};
  };
  Value exists = e.lessThan(e.index(0), rest);
  Value number = e.choose(exists, carried, load, zero)[0];
  number = emit::toFloat(e.builder, e.loc, number, layout.element);
  memref::StoreOp::create(e.builder, e.loc, number, shared, to);
}

//===----------------------------------------------------------------------===//
// Alignment
//===----------------------------------------------------------------------===//

Value effattn::emitIsAligned(OpBuilder &builder, Location loc,
                             const Factor &factor, int64_t bytes) {
  int64_t adjacent = factor.depthDim;
  auto type = cast<MemRefType>(factor.memory.getType());
  if (!factor.depthIsAdjacent)
    adjacent = type.getRank() - 1;
  auto view =
      memref::ExtractStridedMetadataOp::create(builder, loc, factor.memory);
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc,
                                                                 factor.memory);
  Value bits = view.getOffset();
  for (auto [dim, stride] : llvm::enumerate(view.getStrides()))
    if (int64_t(dim) != adjacent)
      bits = arith::OrIOp::create(builder, loc, bits, stride);
  Value size = emit::index(builder, loc, bytesOf(factor.element()));
  bits = arith::OrIOp::create(builder, loc, emit::mul(builder, loc, bits, size),
                              address);
  Value rest = arith::RemUIOp::create(builder, loc, bits,
                                      emit::index(builder, loc, bytes));
  return emit::equal(builder, loc, rest, emit::index(builder, loc, 0));
}
