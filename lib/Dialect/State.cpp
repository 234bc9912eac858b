//===- State.cpp - Which value a value is the next state of ---------------===//
#include "effattn/Dialect/State.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

Value effattn::getPredecessor(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  unsigned number = cast<OpResult>(value).getResultNumber();
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return style.getTiedOpOperand(cast<OpResult>(value))->get();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return loop.getInitArgs()[number];
  if (auto loop = dyn_cast<scf::ForallOp>(op))
    return loop.getOutputs()[number];
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return cast.getSource();
  return {};
}

std::optional<unsigned> effattn::findStateArgument(Block &entry, Value value) {
  while (Value previous = getPredecessor(value))
    value = previous;
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &entry)
    return std::nullopt;
  return argument.getArgNumber();
}
