//===- PackedMatmul.cpp - Products with panels packed ahead of time -------===//
#include "ExpandOps.h"
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::effattn;

/// The matrix [C, N] that lies in panels. They are read in place where vectors
/// divide them.
static MatrixView viewOfPanels(VectorEmitter &e, Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  Value width = e.size(memory, 2);
  auto at = [&e, width](Value row, Value column) {
    Value panel = e.quotient(column, width);
    Value place = e.remainder(column, width);
    return SmallVector<Value>{panel, row, place};
  };
  MatrixView view{memory, at};
  view.isInPanels = e.isContiguous(memory) && !type.isDynamicDim(2) &&
                    type.getDimSize(2) % e.cpu.tileColumns() == 0;
  view.rowsAreContiguous = view.isInPanels;
  return view;
}

void effattn::expand(OpBuilder &builder, PackedMatmulOp op,
                     const CpuModel &cpu) {
  Value x = op.getX(), out = op.getOut();
  auto type = cast<MemRefType>(out.getType());
  CpuModel fitted = cpu.withTilesDividing(
      cast<MemRefType>(op.getPanels().getType()).getDimSize(2));
  VectorEmitter e(builder, op.getLoc(), fitted);
  Product product;
  product.rows = e.index(1);
  for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim)
    product.rows = e.mul(product.rows, e.size(out, dim));
  product.columns = e.size(out, type.getRank() - 1);
  product.depth = e.size(op.getPanels(), 1);
  product.left = MatrixView::ofRows(e, x);
  product.right = viewOfPanels(e, op.getPanels());
  product.result = MatrixView::ofRows(e, out);
  product.accumulates = false;
  e.choose(
      e.lessEqual(product.depth, e.index(0)),
      [&] {
        Value zero = arith::ConstantOp::create(
            builder, e.loc, builder.getFloatAttr(type.getElementType(), 0));
        linalg::FillOp::create(builder, e.loc, zero, out);
      },
      [&] { emitRoundedProduct(e, product); });
  op.erase();
}
