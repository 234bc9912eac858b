//===- TensorSum.cpp - Sums of two tensors, however they are written ------===//
#include "TensorSum.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::effattn;

std::optional<TensorSum> TensorSum::match(Operation *op) {
  if (auto add = dyn_cast<arith::AddFOp>(op)) {
    if (!isa<RankedTensorType>(add.getType()))
      return std::nullopt;
    return TensorSum{add.getLhs(), add.getRhs(), Value()};
  }
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() ||
      linalgOp.getNumDpsInits() != 1)
    return std::nullopt;
  Block *body = linalgOp.getBlock();
  auto add = dyn_cast<arith::AddFOp>(body->front());
  if (!add || body->getTerminator()->getOperands() != add->getResults())
    return std::nullopt;
  auto lhs = dyn_cast<BlockArgument>(add.getLhs());
  auto rhs = dyn_cast<BlockArgument>(add.getRhs());
  if (!lhs || !rhs || lhs.getOwner() != body || rhs.getOwner() != body)
    return std::nullopt;
  bool isElementwise =
      linalgOp.getNumLoops() == linalgOp.getNumParallelLoops() &&
      llvm::all_of(linalgOp.getIndexingMapsArray(),
                   [](AffineMap map) { return map.isIdentity(); });
  return TensorSum{linalgOp.getMatchingOpOperand(lhs)->get(),
                   linalgOp.getMatchingOpOperand(rhs)->get(),
                   linalgOp.getDpsInits()[0], isElementwise};
}
