//===- ExpandContractions.cpp - Multiply matrices by blocks ---------------===//
#include "../Contraction.h"
#include "Expansion.h"
#include "Product.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDCONTRACTIONSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
class ContractionExpansion {
public:
  ContractionExpansion(OpBuilder &builder, Contraction product,
                       const CpuModel &cpu)
      : emitter(builder, product.op.getLoc(), cpu), contraction(product),
        loops(contraction.loops) {}

  void run();

private:
  void multiply();
  void multiplyAndRound(const MatrixView &wanted);
  Product makeProduct();
  MatrixView viewOf(OpOperand &operand, ArrayRef<unsigned> rows,
                    ArrayRef<unsigned> columns);
  void roundResult(const Product &product, const MatrixView &wanted);

  VectorEmitter emitter;
  Contraction contraction;
  const linalg::ContractionDimensions &loops;
  bool accumulates = true;
};
} // namespace

MatrixView ContractionExpansion::viewOf(OpOperand &operand,
                                        ArrayRef<unsigned> rows,
                                        ArrayRef<unsigned> columns) {
  auto placeOf = [this, &operand, rows, columns](Value row, Value column) {
    contraction.setLoops(emitter, rows, row);
    contraction.setLoops(emitter, columns, column);
    return contraction.placeIn(operand);
  };
  return {operand.get(), placeOf, contraction.isStep(operand, columns),
          contraction.isStep(operand, rows)};
}

Product ContractionExpansion::makeProduct() {
  Product product;
  product.rows = contraction.countOf(emitter, loops.m);
  product.columns = contraction.countOf(emitter, loops.n);
  product.depth = contraction.countOf(emitter, loops.k);
  product.left = viewOf(*contraction.left, loops.m, loops.k);
  product.right = viewOf(*contraction.right, loops.k, loops.n);
  return product;
}

void ContractionExpansion::run() {
  accumulates = !contraction.takeZeros(emitter);
  multiply();
  contraction.op.erase();
}

void ContractionExpansion::multiply() {
  Value batches = contraction.countOf(emitter, loops.batch);
  auto enterBatch = [this](Value number) {
    contraction.setLoops(emitter, loops.batch, number);
  };
  MatrixView wanted = viewOf(*contraction.result, loops.m, loops.n);
  Type f32 = emitter.builder.getF32Type();
  if (cast<MemRefType>(wanted.memory.getType()).getElementType() == f32) {
    Product product = makeProduct();
    product.result = wanted;
    product.accumulates = accumulates;
    if (!loops.batch.empty()) {
      product.batches = batches;
      product.enterBatch = enterBatch;
    }
    return emitProduct(emitter, product);
  }
  emitter.loop(emitter.index(0), batches, 1, [&](Value number) {
    enterBatch(number);
    multiplyAndRound(wanted);
  });
}

void ContractionExpansion::multiplyAndRound(const MatrixView &wanted) {
  Product product = makeProduct();
  Value sums = emitter.scratch({product.rows, product.columns},
                               emitter.builder.getF32Type());
  product.result = {sums, [](Value row, Value column) {
                      return SmallVector<Value>{row, column};
                    }};
  product.result.rowsAreContiguous = true;
  product.accumulates = false;
  emitProduct(emitter, product);
  emitter.choose(emitter.lessThan(emitter.index(0), product.depth),
                 [&] { roundResult(product, wanted); });
}

/// Writes f32 sums to a result of another type.
void ContractionExpansion::roundResult(const Product &product,
                                       const MatrixView &wanted) {
  VectorEmitter &e = emitter;
  e.parallel(product.rows, [&](ValueRange row) {
    auto write = [&](Value column, Value mask) {
      Value sum = e.load(product.result.memory,
                         product.result.at(row[0], column), mask);
      if (accumulates) {
        Value before = e.load(wanted.memory, wanted.at(row[0], column), mask);
        sum = e.addFloats(before, sum);
      }
      e.store(sum, wanted.memory, wanted.at(row[0], column), mask);
    };
    e.overColumns(e.index(0), product.columns, write);
  });
}

namespace {
struct ExpandContractionsPass
    : ExpansionPass<effattn::impl::ExpandContractionsPassBase,
                    ExpandContractionsPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    forEachOnBuffers<linalg::LinalgOp>(
        getOperation(), [&](OpBuilder &builder, linalg::LinalgOp op) {
          if (std::optional<Contraction> product = Contraction::match(op))
            ContractionExpansion(builder, *product, cpu).run();
        });
  }
};
} // namespace
