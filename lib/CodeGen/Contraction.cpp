//===- Contraction.cpp - Linalg ops that are products of matrices ---------===//
#include "Contraction.h"
#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::effattn;

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

std::optional<Contraction> Contraction::match(linalg::LinalgOp op) {
  if (!linalg::isaContractionOpInterface(op) || !isProductAndSum(op) ||
      op->getParentOfType<scf::ParallelOp>() ||
      op->getParentOfType<scf::ForallOp>())
    return std::nullopt;
  for (Value operand : op->getOperands())
    if (!isFloat(cast<MemRefType>(operand.getType()).getElementType()))
      return std::nullopt;
  FailureOr<linalg::ContractionDimensions> found =
      linalg::inferContractionDims(op);
  if (failed(found))
    return std::nullopt;
  Contraction product{op,
                      *found,
                      op.getDpsInputOperand(0),
                      op.getDpsInputOperand(1),
                      op.getDpsInitOperand(0),
                      SmallVector<Value>(op.getNumLoops())};
  // A matrix times a vector is its transpose's vector times matrix.
  AffineMap map = op.getMatchingIndexingMap(product.result);
  auto &loops = product.loops;
  bool resultRunsAlongRows =
      loops.n.empty() ||
      (map.getNumResults() != 0 &&
       llvm::is_contained(loops.m,
                          map.getDimPosition(map.getNumResults() - 1)));
  if (resultRunsAlongRows) {
    std::swap(product.left, product.right);
    std::swap(loops.m, loops.n);
  }
  if (loops.k.size() != 1 || loops.n.size() != 1 ||
      !product.isStep(*product.result, loops.n))
    return std::nullopt;
  return product;
}

Value Contraction::sizeOf(LoopEmitter &emitter, unsigned loop) const {
  linalg::LinalgOp product = op;
  for (OpOperand &operand : product->getOpOperands()) {
    AffineMap map = product.getMatchingIndexingMap(&operand);
    for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
      if (map.getDimPosition(dim) == loop)
        return emitter.size(operand.get(), dim);
  }
  llvm_unreachable("a loop of a linalg op has an operand with its size");
}

Value Contraction::countOf(LoopEmitter &emitter,
                           ArrayRef<unsigned> someLoops) const {
  Value count = emitter.index(1);
  for (unsigned loop : someLoops)
    count = emitter.mul(count, sizeOf(emitter, loop));
  return count;
}

void Contraction::setLoops(LoopEmitter &emitter, ArrayRef<unsigned> someLoops,
                           Value number) {
  for (unsigned loop :
       llvm::reverse(someLoops.drop_front(someLoops.empty() ? 0 : 1))) {
    Value size = sizeOf(emitter, loop);
    at[loop] = emitter.remainder(number, size);
    number = emitter.quotient(number, size);
  }
  if (!someLoops.empty())
    at[someLoops.front()] = number;
}

SmallVector<Value> Contraction::placeIn(OpOperand &operand) const {
  linalg::LinalgOp product = op;
  AffineMap map = product.getMatchingIndexingMap(&operand);
  SmallVector<Value> indices;
  for (unsigned dim = 0; dim < map.getNumResults(); ++dim)
    indices.push_back(at[map.getDimPosition(dim)]);
  return indices;
}

bool Contraction::isStep(OpOperand &operand,
                         ArrayRef<unsigned> someLoops) const {
  linalg::LinalgOp product = op;
  AffineMap map = product.getMatchingIndexingMap(&operand);
  if (someLoops.size() != 1 || map.getNumResults() == 0 ||
      map.getDimPosition(map.getNumResults() - 1) != someLoops[0])
    return false;
  return cast<MemRefType>(operand.get().getType()).isLastDimUnitStride();
}

bool Contraction::takeZeros(LoopEmitter &emitter) {
  linalg::FillOp fill = findZeros(op);
  if (!fill)
    return false;
  Value depth = countOf(emitter, loops.k);
  std::optional<int64_t> known = getConstantIntValue(depth);
  if (!known || *known == 0)
    emitter.choose(emitter.lessEqual(depth, emitter.index(0)), [&] {
      linalg::FillOp::create(emitter.builder, emitter.loc, fill.getInputs(),
                             fill.getOutputs());
    });
  fill.erase();
  return true;
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
