//===- ExpandContractions.cpp - Multiply matrices by blocks ---------------===//
#include "Contractions.h"
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
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDCONTRACTIONSPASS
#include "effattn/CodeGen/CPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// A linalg op on memrefs that is a product of matrices for every index of a
/// batch. Every loop of the op has one of the roles.
class ContractionExpansion {
public:
  ContractionExpansion(OpBuilder &builder, linalg::LinalgOp op,
                       const CpuModel &cpu)
      : emitter(builder, op.getLoc(), cpu), op(op) {}

  /// Whether the op is one of those that run() can expand.
  LogicalResult match();
  void run();

private:
  void multiply();
  void multiplyAndRound(const MatrixView &wanted);
  Product makeProduct();
  MatrixView viewOf(OpOperand &operand, ArrayRef<unsigned> rows,
                    ArrayRef<unsigned> columns);
  void setLoops(ArrayRef<unsigned> loops, Value number);
  bool isStep(OpOperand &operand, ArrayRef<unsigned> loops);
  Value countOf(ArrayRef<unsigned> loops);
  Value sizeOf(unsigned loop);
  void roundResult(const Product &product, const MatrixView &wanted);

  VectorEmitter emitter;
  linalg::LinalgOp op;
  linalg::ContractionDimensions loops;
  OpOperand *left = nullptr, *right = nullptr, *result = nullptr;
  bool accumulates = true;
  /// The index of every loop of the op, as far as it is known.
  SmallVector<Value> at;
};
} // namespace

//===----------------------------------------------------------------------===//
// What can be expanded
//===----------------------------------------------------------------------===//

static bool isProductAndSum(linalg::LinalgOp op) {
  unsigned products = 0, sums = 0;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (isa<arith::MulFOp>(inner))
      ++products;
    else if (isa<arith::AddFOp>(inner))
      ++sums;
    else if (!isa<arith::ExtFOp, arith::TruncFOp>(inner))
      return false;
  }
  return products == 1 && sums == 1;
}

static bool isFloat(Type type) {
  return type.isF32() || type.isBF16() || type.isF16();
}

LogicalResult ContractionExpansion::match() {
  if (!linalg::isaContractionOpInterface(op) || !isProductAndSum(op) ||
      op->getParentOfType<scf::ParallelOp>() ||
      op->getParentOfType<scf::ForallOp>())
    return failure();
  for (Value operand : op->getOperands())
    if (!isFloat(cast<MemRefType>(operand.getType()).getElementType()))
      return failure();
  FailureOr<linalg::ContractionDimensions> found =
      linalg::inferContractionDims(op);
  if (failed(found))
    return failure();
  loops = *found;
  left = op.getDpsInputOperand(0);
  right = op.getDpsInputOperand(1);
  result = op.getDpsInitOperand(0);
  // A matrix times a vector is its transpose's vector times matrix.
  auto last = [&](OpOperand *operand) -> std::optional<unsigned> {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (map.getNumResults() == 0)
      return std::nullopt;
    return map.getDimPosition(map.getNumResults() - 1);
  };
  bool resultRunsAlongRows =
      loops.n.empty() ||
      (last(result) && llvm::is_contained(loops.m, *last(result)));
  if (resultRunsAlongRows) {
    std::swap(left, right);
    std::swap(loops.m, loops.n);
  }
  return success(loops.k.size() == 1 && loops.n.size() == 1 &&
                 isStep(*result, loops.n));
}

linalg::FillOp effattn::findZeros(linalg::LinalgOp op) {
  for (Operation *before = op->getPrevNode(); before;
       before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.getOutputs()[0] == op.getDpsInits()[0])
      return matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) ? fill
                                                                 : nullptr;
    if (!isMemoryEffectFree(before) && !isa<memref::AllocOp, CheckOp>(before))
      return nullptr;
  }
  return nullptr;
}

bool effattn::isExpandableContraction(linalg::LinalgOp op) {
  OpBuilder builder(op);
  CpuModel anyCpu;
  return succeeded(ContractionExpansion(builder, op, anyCpu).match());
}

/// Whether an operand's elements lie side by side along the loop.
bool ContractionExpansion::isStep(OpOperand &operand,
                                  ArrayRef<unsigned> someLoops) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (someLoops.size() != 1 || map.getNumResults() == 0 ||
      map.getDimPosition(map.getNumResults() - 1) != someLoops[0])
    return false;
  return cast<MemRefType>(operand.get().getType()).isLastDimUnitStride();
}

//===----------------------------------------------------------------------===//
// Expansion
//===----------------------------------------------------------------------===//

Value ContractionExpansion::sizeOf(unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      if (map.getDimPosition(dim) == loop)
        return emitter.size(operand.get(), dim);
  }
  llvm_unreachable("a loop of a linalg op has an operand with its size");
}

Value ContractionExpansion::countOf(ArrayRef<unsigned> someLoops) {
  Value count = emitter.index(1);
  for (unsigned loop : someLoops)
    count = emitter.mul(count, sizeOf(loop));
  return count;
}

/// Sets the indices of the loops from their number in row-major order.
void ContractionExpansion::setLoops(ArrayRef<unsigned> someLoops,
                                    Value number) {
  for (unsigned loop :
       llvm::reverse(someLoops.drop_front(someLoops.empty() ? 0 : 1))) {
    Value size = sizeOf(loop);
    at[loop] =
        arith::RemUIOp::create(emitter.builder, emitter.loc, number, size);
    number = arith::DivUIOp::create(emitter.builder, emitter.loc, number, size);
  }
  if (!someLoops.empty())
    at[someLoops.front()] = number;
}

MatrixView ContractionExpansion::viewOf(OpOperand &operand,
                                        ArrayRef<unsigned> rows,
                                        ArrayRef<unsigned> columns) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto indicesOf = [=](Value row, Value column) {
    setLoops(rows, row);
    setLoops(columns, column);
    SmallVector<Value> indices;
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      indices.push_back(at[map.getDimPosition(dim)]);
    return indices;
  };
  return {operand.get(), indicesOf, isStep(operand, columns),
          isStep(operand, rows)};
}

Product ContractionExpansion::makeProduct() {
  Product product;
  product.rows = countOf(loops.m);
  product.columns = countOf(loops.n);
  product.depth = countOf(loops.k);
  product.left = viewOf(*left, loops.m, loops.k);
  product.right = viewOf(*right, loops.k, loops.n);
  return product;
}

void ContractionExpansion::run() {
  at.resize(op.getNumLoops());
  linalg::FillOp fill = findZeros(op);
  accumulates = !fill;
  // Sums without terms are those zeros, too.
  Value depth = countOf(loops.k);
  std::optional<int64_t> known = getConstantIntValue(depth);
  if (fill && (!known || *known == 0)) {
    Value isEmpty = emitter.lessEqual(depth, emitter.index(0));
    emitter.choose(isEmpty, [&] {
      linalg::FillOp::create(emitter.builder, emitter.loc, fill.getInputs(),
                             fill.getOutputs());
    });
  }
  if (fill)
    fill.erase();
  multiply();
  op.erase();
}

void ContractionExpansion::multiply() {
  Value batches = countOf(loops.batch);
  auto enterBatch = [this](Value number) { setLoops(loops.batch, number); };
  MatrixView wanted = viewOf(*result, loops.m, loops.n);
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
          ContractionExpansion expansion(builder, op, cpu);
          if (succeeded(expansion.match()))
            expansion.run();
        });
  }
};
} // namespace
