//===- BuildFeedForwardKernels.cpp - Feed-forward layers as products ------===//
#include "../Activation.h"
#include "../ForEachOnBuffers.h"
#include "MatrixProduct.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Dialect/NormOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDFEEDFORWARDKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// What gated and hourglass layers share. A row is one of x, whatever the
/// leading dimensions.
template <typename Op> class FeedForwardKernels {
public:
  FeedForwardKernels(OpBuilder &builder, Op op);

protected:
  using Place = SmallVector<Value>;
  using WriteColumn = std::function<void(Value column, Value sum)>;

  /// (act(input gate) * (input up)) down with the weights at `leading`;
  /// `writeRow` gives what writes a row of it.
  void emitLayer(const Factor &input, ValueRange leading,
                 function_ref<WriteColumn(KernelEmitter &, Value)> writeRow);
  /// The rows of a buffer with the dimensions of x.
  Factor rowsOf(Value memory);
  /// Those of scratch, which is f32 [rows, columns].
  Factor scratchRows(Value memory) const;
  Value allocate(Value columns);
  void free(Value scratch) {
    memref::DeallocOp::create(e.builder, e.loc, scratch);
  }
  /// The indices of a row of x, without its column.
  Place rowPlace(LoopEmitter &emitter, Value row);

  LoopEmitter e;
  Op op;
  Value width, hiddenWidth, rows;
  /// Scratch for the hidden layer.
  Value hidden;

private:
  Factor columnsOf(Value weights, ValueRange leading);
};
} // namespace

//===----------------------------------------------------------------------===//
// Rows and columns
//===----------------------------------------------------------------------===//

static int64_t rankOf(Value memory) {
  return cast<MemRefType>(memory.getType()).getRank();
}

static bool isContiguous(Value memory) {
  return cast<MemRefType>(memory.getType()).isLastDimUnitStride();
}

template <typename Op>
FeedForwardKernels<Op>::FeedForwardKernels(OpBuilder &builder, Op op)
    : e(builder, op.getLoc()), op(op) {
  Value out = op.getOut(), down = op.getDown();
  width = e.size(out, rankOf(out) - 1);
  hiddenWidth = e.size(down, rankOf(down) - 2);
  rows = e.index(1);
  for (int64_t dim = 0; dim + 1 < rankOf(out); ++dim)
    rows = e.mul(rows, e.size(out, dim));
}

template <typename Op> Value FeedForwardKernels<Op>::allocate(Value columns) {
  int64_t any = ShapedType::kDynamic;
  return memref::AllocOp::create(
      e.builder, e.loc, MemRefType::get({any, any}, e.builder.getF32Type()),
      ValueRange{rows, columns});
}

template <typename Op>
SmallVector<Value> FeedForwardKernels<Op>::rowPlace(LoopEmitter &emitter,
                                                    Value row) {
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim + 1 < rankOf(op.getOut()); ++dim)
    sizes.push_back(emitter.size(op.getOut(), dim));
  return emitter.split(row, sizes);
}

template <typename Op> Factor FeedForwardKernels<Op>::rowsOf(Value memory) {
  auto at = [this](Value row, Value column) {
    Place place = rowPlace(e, row);
    place.push_back(column);
    return place;
  };
  return {memory, at, rankOf(memory) - 1, isContiguous(memory)};
}

template <typename Op>
Factor FeedForwardKernels<Op>::scratchRows(Value memory) const {
  auto at = [](Value row, Value column) { return Place{row, column}; };
  return {memory, at, /*depthDim=*/1, /*depthIsAdjacent=*/true};
}

template <typename Op>
Factor FeedForwardKernels<Op>::columnsOf(Value weights, ValueRange leading) {
  auto at = [first = Place(leading)](Value column, Value depth) {
    Place place(first);
    place.append({depth, column});
    return place;
  };
  return {weights, at, int64_t(leading.size()), /*depthIsAdjacent=*/false,
          isContiguous(weights)};
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

template <typename Op>
void FeedForwardKernels<Op>::emitLayer(
    const Factor &input, ValueRange leading,
    function_ref<WriteColumn(KernelEmitter &, Value)> writeRow) {
  bool isF32 = cast<MemRefType>(op.getOut().getType()).getElementType().isF32();
  MatrixProduct up;
  up.rows = rows;
  up.columns = hiddenWidth;
  up.depth = width;
  up.left = input;
  up.rights = {columnsOf(op.getGate(), leading),
               columnsOf(op.getUp(), leading)};
  up.leftParts = isF32 ? 3 : 2;
  up.writeRow = [&](KernelEmitter &kernel, Value row) {
    return [&, row](Value column, ValueRange sums) {
      Value gate = emitActivation(kernel.builder, kernel.loc,
                                  op.getActivation(), sums[0]);
      kernel.storeFloat(kernel.mulFloats(gate, sums[1]), hidden, {row, column});
    };
  };
  StringRef name = Op::getOperationName().drop_front(sizeof("effattn"));
  emitMatrixProduct(e.builder, e.loc, (name + "_up").str(), up);

  MatrixProduct down;
  down.rows = rows;
  down.columns = width;
  down.depth = hiddenWidth;
  down.left = scratchRows(hidden);
  down.rights = {columnsOf(op.getDown(), leading)};
  down.leftParts = up.leftParts;
  down.writeRow = [&](KernelEmitter &kernel, Value row) {
    return [write = writeRow(kernel, row)](Value column, ValueRange sums) {
      write(column, sums.front());
    };
  };
  emitMatrixProduct(e.builder, e.loc, (name + "_down").str(), down);
}

namespace {
class GatedKernels : FeedForwardKernels<GatedFFNOp> {
public:
  using FeedForwardKernels::FeedForwardKernels;

  void build() {
    hidden = allocate(hiddenWidth);
    emitLayer(rowsOf(op.getX()), {}, [&](KernelEmitter &kernel, Value row) {
      return [&, place = rowPlace(kernel, row)](Value column, Value sum) {
        Place at(place);
        at.push_back(column);
        kernel.storeFloat(sum, op.getOut(), at);
      };
    });
    free(hidden);
    op.erase();
  }
};

/// The rows between blocks are carried apart from what a norm makes of them.
class HourglassKernels : FeedForwardKernels<HourglassFFNOp> {
public:
  using FeedForwardKernels::FeedForwardKernels;

  void build();

private:
  /// From rows of x or out to scratch, or back.
  void copyRows(Value memory, bool toScratch);
  void normalize(Value block);

  Value carried, input;
};
} // namespace

void HourglassKernels::copyRows(Value memory, bool toScratch) {
  KernelEmitter::launchWarps(
      e.builder, e.loc, "hourglass_ffn_copy", rows,
      [&](KernelEmitter &kernel, ArrayRef<Value> row) {
        Place place = rowPlace(kernel, row[0]);
        kernel.loop(kernel.lane(), width, kWarpThreads, [&](Value column) {
          Place at(place), inScratch{row[0], column};
          at.push_back(column);
          if (toScratch)
            kernel.storeFloat(kernel.loadFloat(memory, at), carried, inScratch);
          else
            kernel.storeFloat(kernel.loadFloat(carried, inScratch), memory, at);
        });
      });
}

void HourglassKernels::normalize(Value block) {
  OpFoldResult one = e.builder.getIndexAttr(1),
               zero = e.builder.getIndexAttr(0);
  auto type = cast<MemRefType>(op.getNorm().getType());
  SmallVector<OpFoldResult> offsets{block, zero}, strides{one, one};
  SmallVector<OpFoldResult> sizes{
      one, type.isDynamicDim(1) ? OpFoldResult(e.size(op.getNorm(), 1))
                                : e.builder.getIndexAttr(type.getDimSize(1))};
  MemRefType rowType = memref::SubViewOp::inferRankReducedResultType(
      {type.getDimSize(1)}, type, offsets, sizes, strides);
  Value weight = memref::SubViewOp::create(
      e.builder, e.loc, rowType, op.getNorm(), offsets, sizes, strides);
  RMSNormOp::create(e.builder, e.loc, TypeRange(), carried, weight, input,
                    op.getEpsilonAttr(), e.builder.getBoolAttr(false));
}

void HourglassKernels::build() {
  // Rows without columns: a slice of the norm would be out of bounds.
  if (cast<MemRefType>(op.getNorm().getType()).getDimSize(1) == 0)
    return op.erase();
  carried = allocate(width);
  input = allocate(width);
  hidden = allocate(hiddenWidth);
  copyRows(op.getX(), /*toScratch=*/true);
  e.loop(e.index(0), e.size(op.getNorm(), 0), 1, [&](Value block) {
    normalize(block);
    emitLayer(scratchRows(input), block, [&](KernelEmitter &kernel, Value row) {
      return [&, row](Value column, Value sum) {
        Value before = kernel.loadFloat(carried, {row, column});
        kernel.storeFloat(kernel.addFloats(before, sum), carried,
                          {row, column});
      };
    });
  });
  copyRows(op.getOut(), /*toScratch=*/false);
  for (Value scratch : {hidden, input, carried})
    free(scratch);
  op.erase();
}

namespace {
struct BuildFeedForwardKernelsPass
    : effattn::impl::BuildFeedForwardKernelsPassBase<
          BuildFeedForwardKernelsPass> {
  void runOnOperation() override {
    forEachOnBuffers<GatedFFNOp>(getOperation(),
                                 [](OpBuilder &builder, GatedFFNOp op) {
                                   GatedKernels(builder, op).build();
                                 });
    forEachOnBuffers<HourglassFFNOp>(getOperation(),
                                     [](OpBuilder &builder, HourglassFFNOp op) {
                                       HourglassKernels(builder, op).build();
                                     });
  }
};
} // namespace
