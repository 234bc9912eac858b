//===- BuildProductKernels.cpp - Products of matrices by blocks -----------===//
#include "../Contraction.h"
#include "../ForEachOnBuffers.h"
#include "MatrixProduct.h"
#include "effattn/CodeGen/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_BUILDPRODUCTKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
class ContractionKernels {
public:
  ContractionKernels(OpBuilder &builder, Contraction product, bool tf32)
      : e(builder, product.op.getLoc()), contraction(product),
        loops(contraction.loops), tf32(tf32) {}

  void build();

private:
  Factor factorOf(OpOperand &operand, ArrayRef<unsigned> lines);
  MatrixProduct::WriteColumn writeRow(KernelEmitter &kernel, Value row);

  LoopEmitter e;
  Contraction contraction;
  const linalg::ContractionDimensions &loops;
  bool tf32, accumulates = true;
};
} // namespace

Factor ContractionKernels::factorOf(OpOperand &operand,
                                    ArrayRef<unsigned> lines) {
  unsigned depth = loops.k.front();
  auto placeOf = [this, &operand, lines, depth](Value line, Value place) {
    contraction.setLoops(e, lines, line);
    contraction.at[depth] = place;
    return contraction.placeIn(operand);
  };
  AffineMap map = contraction.op.getMatchingIndexingMap(&operand);
  AffineExpr depthExpr = getAffineDimExpr(depth, map.getContext());
  return {operand.get(), placeOf, int64_t(*map.getResultPosition(depthExpr)),
          contraction.isStep(operand, loops.k),
          contraction.isStep(operand, lines)};
}

MatrixProduct::WriteColumn ContractionKernels::writeRow(KernelEmitter &kernel,
                                                        Value row) {
  contraction.setLoops(kernel, loops.m, row);
  return [&](Value column, ValueRange sums) {
    contraction.at[loops.n.front()] = column;
    SmallVector<Value> place = contraction.placeIn(*contraction.result);
    Value result = contraction.result->get();
    Value sum = sums.front();
    if (accumulates)
      sum = kernel.addFloats(kernel.loadFloat(result, place), sum);
    kernel.storeFloat(sum, result, place);
  };
}

void ContractionKernels::build() {
  accumulates = !contraction.takeZeros(e);
  MatrixProduct product;
  product.rows = contraction.countOf(e, loops.m);
  product.columns = contraction.countOf(e, loops.n);
  product.depth = contraction.countOf(e, loops.k);
  product.left = factorOf(*contraction.left, loops.m);
  product.rights = {factorOf(*contraction.right, loops.n)};
  product.tf32 = tf32;
  if (!loops.batch.empty()) {
    product.batches = contraction.countOf(e, loops.batch);
    product.enterBatch = [&](Value number) {
      contraction.setLoops(e, loops.batch, number);
    };
  }
  product.writeRow = [&](KernelEmitter &kernel, Value row) {
    return writeRow(kernel, row);
  };
  emitMatrixProduct(e.builder, e.loc, "matmul", product);
  contraction.op.erase();
}

namespace {
struct BuildProductKernelsPass
    : effattn::impl::BuildProductKernelsPassBase<BuildProductKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    forEachOnBuffers<linalg::LinalgOp>(
        getOperation(), [&](OpBuilder &builder, linalg::LinalgOp op) {
          if (std::optional<Contraction> product = Contraction::match(op))
            ContractionKernels(builder, *product, tf32).build();
        });
  }
};
} // namespace
