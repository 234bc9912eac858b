//===- ExpandContractions.cpp - Multiply matrices by blocks ---------------===//
#include "../Contraction.h"
#include "Expansion.h"
#include "Product.h"
#include "effattn/CodeGen/CPU/Passes.h"

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
  Product makeProduct();
  MatrixView viewOf(OpOperand &operand, ArrayRef<unsigned> rows,
                    ArrayRef<unsigned> columns);

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
  Product product = makeProduct();
  product.result = viewOf(*contraction.result, loops.m, loops.n);
  product.accumulates = accumulates;
  Value batches = contraction.countOf(emitter, loops.batch);
  auto enterBatch = [this](Value number) {
    contraction.setLoops(emitter, loops.batch, number);
  };
  if (!product.hasF32Result())
    return emitter.loop(emitter.index(0), batches, 1, [&](Value number) {
      enterBatch(number);
      emitRoundedProduct(emitter, product);
    });
  if (!loops.batch.empty()) {
    product.batches = batches;
    product.enterBatch = enterBatch;
  }
  emitProduct(emitter, product);
}

void effattn::expand(OpBuilder &builder, linalg::LinalgOp op,
                     const CpuModel &cpu) {
  if (std::optional<Contraction> product = Contraction::match(op))
    ContractionExpansion(builder, *product, cpu).run();
}

namespace {
struct ExpandContractionsPass
    : ExpansionPass<effattn::impl::ExpandContractionsPassBase,
                    ExpandContractionsPass> {
  using ExpansionPass::ExpansionPass;

  void expandAll(const CpuModel &cpu) {
    expandEach<linalg::LinalgOp>(cpu);
    expandEach<PackedMatmulOp>(cpu);
  }
};
} // namespace
