//===- FeedForwardExpansion.h - What gated layers are made of -------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_FEEDFORWARDEXPANSION_H
#define EFFATTN_LIB_CODEGEN_CPU_FEEDFORWARDEXPANSION_H

#include "Product.h"
#include "VectorActivation.h"
#include "VectorEmitter.h"
#include "effattn/Dialect/FeedForwardOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::effattn {

/// Rows that products take at a time, and the numbers of a hidden layer that
/// lie in the second-level cache between them.
inline constexpr int64_t kBlockRows = 512, kHiddenNumbers = 3 << 16;

/// What gated layers share. A row is one of x, whatever the
/// leading dimensions. Scratch holds f32 rows of a block: those that the layer
/// takes, those that it gives, and some columns of its hidden rows.
template <typename Op> class FeedForwardExpansion {
public:
  FeedForwardExpansion(OpBuilder &builder, Op op, const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op) {
    allocate();
  }

protected:
  using Place = function_ref<SmallVector<Value>(Value column)>;

  /// f32 [rows of a block, C].
  Value scratchRows();
  /// `body` gets the first row of a block and their number.
  void overBlocks(function_ref<void(Value first, Value count)> body);
  /// sums += (act(input gate) * (input up)) down with the weights at `leading`.
  void addLayer(Value count, ValueRange leading);

  void copyRow(Value from, Place fromPlace, Value to, Place toPlace);
  /// Between a row of x or out and a row of scratch.
  void readRow(Value number, Value row, Value to);
  void writeRow(Value number, Value row, Value from);
  void clearRow(Value scratch, Value row, Value columns);
  /// Where a column of a row of x or out lies.
  SmallVector<Value> placeOf(Value row, Value column);

  VectorEmitter emitter;
  Op op;
  Value rows, width, hiddenWidth;
  Value input, sums;

private:
  void allocate();
  void addColumns(Value count, ValueRange leading, Value column, Value columns);
  void activate(Value row, Value columns);
  void addProduct(Value left, Value right, Value result);
  Value rowsOf(Value scratch, Value count, Value columns);
  Value weightsOf(Value weights, ValueRange leading,
                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);

  Value blockRows, hiddenStep, gateRows, upRows;
};

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

template <typename Op> void FeedForwardExpansion<Op>::allocate() {
  VectorEmitter &e = emitter;
  Value out = op.getOut(), down = op.getDown();
  int64_t rank = cast<MemRefType>(out.getType()).getRank();
  width = e.size(out, rank - 1);
  hiddenWidth = e.size(down, cast<MemRefType>(down.getType()).getRank() - 2);
  rows = e.index(1);
  for (int64_t dim = 0; dim + 1 < rank; ++dim)
    rows = e.mul(rows, e.size(out, dim));
  blockRows = e.min(rows, e.index(kBlockRows));
  Value fitting =
      e.quotient(e.index(kHiddenNumbers), e.max(blockRows, e.index(1)));
  hiddenStep = e.max(e.roundDown(fitting, e.cpu.slabDepth()),
                     e.index(e.cpu.slabDepth()));
  Value columns = e.min(hiddenStep, hiddenWidth);
  input = scratchRows();
  sums = scratchRows();
  gateRows = e.scratch({blockRows, columns}, e.builder.getF32Type());
  upRows = e.scratch({blockRows, columns}, e.builder.getF32Type());
}

template <typename Op> Value FeedForwardExpansion<Op>::scratchRows() {
  return emitter.scratch({blockRows, width}, emitter.builder.getF32Type());
}

template <typename Op>
void FeedForwardExpansion<Op>::overBlocks(
    function_ref<void(Value, Value)> body) {
  VectorEmitter &e = emitter;
  e.loop(e.index(0), rows, kBlockRows, [&](Value first) {
    body(first, e.min(e.sub(rows, first), e.index(kBlockRows)));
  });
}

template <typename Op>
SmallVector<Value> FeedForwardExpansion<Op>::placeOf(Value row, Value column) {
  return MatrixView::ofRows(emitter, op.getOut()).at(row, column);
}

template <typename Op>
void FeedForwardExpansion<Op>::copyRow(Value from, Place fromPlace, Value to,
                                       Place toPlace) {
  VectorEmitter &e = emitter;
  auto isContiguous = [](Value memory) {
    return cast<MemRefType>(memory.getType()).isLastDimUnitStride();
  };
  if (isContiguous(from) && isContiguous(to))
    return e.overColumns(e.index(0), width, [&](Value column, Value mask) {
      e.store(e.load(from, fromPlace(column), mask), to, toPlace(column), mask);
    });
  e.loop(e.index(0), width, 1, [&](Value column) {
    e.storeScalar(e.loadScalar(from, fromPlace(column)), to, toPlace(column));
  });
}

template <typename Op>
void FeedForwardExpansion<Op>::readRow(Value number, Value row, Value to) {
  copyRow(
      op.getX(), [&](Value column) { return placeOf(number, column); }, to,
      [&](Value column) { return SmallVector<Value>{row, column}; });
}

template <typename Op>
void FeedForwardExpansion<Op>::writeRow(Value number, Value row, Value from) {
  copyRow(
      from, [&](Value column) { return SmallVector<Value>{row, column}; },
      op.getOut(), [&](Value column) { return placeOf(number, column); });
}

template <typename Op>
void FeedForwardExpansion<Op>::clearRow(Value scratch, Value row,
                                        Value columns) {
  VectorEmitter &e = emitter;
  e.overColumns(e.index(0), columns, [&](Value column, Value mask) {
    e.store(e.zeros(), scratch, {row, column}, mask);
  });
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

template <typename Op>
void FeedForwardExpansion<Op>::addLayer(Value count, ValueRange leading) {
  VectorEmitter &e = emitter;
  Value steps = e.ceilDiv(hiddenWidth, hiddenStep);
  e.loop(e.index(0), steps, 1, [&](Value step) {
    Value column = e.mul(step, hiddenStep);
    addColumns(count, leading, column,
               e.min(hiddenStep, e.sub(hiddenWidth, column)));
  });
}

/// All products add to zeros that are written before, and have operands of the
/// same types: so one kernel serves them all.
template <typename Op>
void FeedForwardExpansion<Op>::addColumns(Value count, ValueRange leading,
                                          Value column, Value columns) {
  VectorEmitter &e = emitter;
  e.parallel(count, [&](ValueRange row) {
    clearRow(gateRows, row[0], columns);
    clearRow(upRows, row[0], columns);
  });
  OpFoldResult zero = e.fixed(0);
  Value rows = rowsOf(input, count, width);
  Value hidden = rowsOf(gateRows, count, columns);
  addProduct(rows,
             weightsOf(op.getGate(), leading, {zero, column}, {width, columns}),
             hidden);
  addProduct(rows,
             weightsOf(op.getUp(), leading, {zero, column}, {width, columns}),
             rowsOf(upRows, count, columns));
  e.parallel(count, [&](ValueRange row) { activate(row[0], columns); });
  addProduct(hidden,
             weightsOf(op.getDown(), leading, {column, zero}, {columns, width}),
             rowsOf(sums, count, width));
}

template <typename Op>
void FeedForwardExpansion<Op>::activate(Value row, Value columns) {
  VectorEmitter &e = emitter;
  e.overColumns(e.index(0), columns, [&](Value column, Value mask) {
    Value gate = e.load(gateRows, {row, column}, mask);
    Value up = e.load(upRows, {row, column}, mask);
    gate = emitVectorActivation(e, op.getActivation(), gate);
    e.store(e.mulFloats(gate, up), gateRows, {row, column}, mask);
  });
}

template <typename Op>
void FeedForwardExpansion<Op>::addProduct(Value left, Value right,
                                          Value result) {
  linalg::MatmulOp::create(emitter.builder, emitter.loc,
                           ValueRange{left, right}, ValueRange{result});
}

template <typename Op>
Value FeedForwardExpansion<Op>::rowsOf(Value scratch, Value count,
                                       Value columns) {
  OpFoldResult zero = emitter.fixed(0);
  return weightsOf(scratch, {}, {zero, zero}, {count, columns});
}

/// A matrix [?, ?] of any layout; static sizes would make kernels differ.
template <typename Op>
Value FeedForwardExpansion<Op>::weightsOf(Value weights, ValueRange leading,
                                          ArrayRef<OpFoldResult> offsets,
                                          ArrayRef<OpFoldResult> sizes) {
  VectorEmitter &e = emitter;
  SmallVector<OpFoldResult> at(leading), shape(leading.size(), e.fixed(1));
  llvm::append_range(at, offsets);
  for (OpFoldResult size : sizes)
    shape.push_back(size);
  SmallVector<OpFoldResult> strides(at.size(), e.fixed(1));
  auto type = cast<MemRefType>(weights.getType());
  int64_t any = ShapedType::kDynamic;
  MemRefType viewType = memref::SubViewOp::inferRankReducedResultType(
      {any, any}, type, at, shape, strides);
  Value view = memref::SubViewOp::create(e.builder, e.loc, viewType, weights,
                                         at, shape, strides);
  int64_t step = type.isLastDimUnitStride() ? 1 : any;
  auto layout =
      StridedLayoutAttr::get(e.builder.getContext(), any, {any, step});
  return memref::CastOp::create(
      e.builder, e.loc,
      MemRefType::get({any, any}, type.getElementType(), layout), view);
}

/// Whether there are no rows or no hidden columns, by static sizes: views of
/// nothing at a constant place are refused.
template <typename Op> bool isKnownToBeEmpty(Op op) {
  auto isEmpty = [](Value memory) {
    return llvm::is_contained(cast<MemRefType>(memory.getType()).getShape(), 0);
  };
  return isEmpty(op.getOut()) || isEmpty(op.getDown());
}

/// What a layer without hidden columns gives.
template <typename Op> void fillWithZeros(OpBuilder &builder, Op op) {
  Type element = cast<MemRefType>(op.getOut().getType()).getElementType();
  Value zero = arith::ConstantOp::create(builder, op.getLoc(),
                                         builder.getZeroAttr(element));
  linalg::FillOp::create(builder, op.getLoc(), zero, op.getOut());
}

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_FEEDFORWARDEXPANSION_H
