//===- LoopWork.cpp - How much a fused loop computes and moves ------------===//
#include "LoopWork.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Index arithmetic of an iteration
//===----------------------------------------------------------------------===//

namespace {
/// Emits values of the loop's body again elsewhere, where other induction
/// variables stand for those of the loop: index arithmetic, never what computes
/// a tensor.
class IndexCopier {
public:
  IndexCopier(OpBuilder &builder, scf::ForallOp loop, ValueRange ivs)
      : builder(builder), loop(loop) {
    copies.map(loop.getInductionVars(), ivs);
  }

  /// Null where more than index arithmetic would be needed.
  Value copy(Value value) {
    if (Value known = copies.lookupOrNull(value))
      return known;
    if (isOutside(value))
      return value;
    Operation *op = value.getDefiningOp();
    Value result = op ? copyResult(op) : Value();
    if (result)
      copies.map(value, result);
    return result;
  }

private:
  bool isOutside(Value value) {
    return !loop->isAncestor(value.getParentRegion()->getParentOp());
  }

  Value copyResult(Operation *op) {
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      std::optional<int64_t> index = dim.getConstantIndex();
      return index ? copySize(dim.getSource(), *index) : Value();
    }
    if (!isa<arith::ArithDialect, affine::AffineDialect>(op->getDialect()) ||
        op->getNumRegions() || op->getNumResults() != 1 || !isPure(op))
      return {};
    for (Value operand : op->getOperands())
      if (!copy(operand))
        return {};
    return builder.clone(*op, copies)->getResult(0);
  }

  Value copySize(Value tensor, int64_t dim) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (isOutside(tensor) || !type.isDynamicDim(dim))
      return emit::size(builder, loop.getLoc(), tensor, dim);
    if (isa<BlockArgument>(tensor)) {
      OpOperand *output = loop.getTiedOpOperand(cast<BlockArgument>(tensor));
      return output ? copySize(output->get(), dim) : Value();
    }
    Operation *op = tensor.getDefiningOp();
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      return copySize(slice, dim);
    if (auto empty = dyn_cast<tensor::EmptyOp>(op))
      return copy(empty.getDynamicSize(dim));
    if (auto cast = dyn_cast<tensor::CastOp>(op))
      return copySize(cast.getSource(), dim);
    if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
      return copySize(style.getTiedOpOperand(cast<OpResult>(tensor))->get(),
                      dim);
    return {};
  }

  /// Dimensions of the source may be missing in the slice.
  Value copySize(tensor::ExtractSliceOp slice, int64_t dim) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (auto [number, size] : llvm::enumerate(slice.getMixedSizes()))
      if (!dropped.test(number) && dim-- == 0)
        return copy(
            getValueOrCreateConstantIndexOp(builder, loop.getLoc(), size));
    return {};
  }

  OpBuilder &builder;
  scf::ForallOp loop;
  IRMapping copies;
};
} // namespace

//===----------------------------------------------------------------------===//
// One iteration
//===----------------------------------------------------------------------===//

namespace {
/// What an iteration takes, in values of the body.
struct IterationCosts {
  /// Null where nobody has said.
  Value flops;
  /// Bytes that are read of tensors from outside, by tensor.
  llvm::MapVector<Value, Value> read;
  /// Bytes that are written, by output of the loop.
  llvm::MapVector<BlockArgument, Value> written;
};
} // namespace

/// The tensor outside of the loop that `operand` is a part of; null for what
/// the iteration computes itself.
static Value findOutside(scf::ForallOp loop, Value operand) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(operand)) {
      if (argument.getOwner() != loop.getBody())
        return operand;
      return loop.getTiedOpOperand(argument)->get();
    }
    Operation *op = operand.getDefiningOp();
    if (!loop->isProperAncestor(op))
      return operand;
    if (!isa<tensor::ExtractSliceOp, tensor::CastOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp>(op))
      return {};
    operand = op->getOperand(0);
  }
}

template <typename Map, typename Key>
static void addBytes(OpBuilder &builder, Location loc, Map &map, Key key,
                     Value bytes) {
  Value &sum = map[key];
  sum = sum ? emit::add(builder, loc, sum, bytes) : bytes;
}

/// The computations of an iteration; none where a nested region has some, for
/// which nobody knows how often they run.
static SmallVector<Operation *> collectComputations(scf::ForallOp loop) {
  SmallVector<Operation *> computations;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (isComputation(&op))
      computations.push_back(&op);
    else if (op.walk([](Operation *nested) {
                 return isComputation(nested) ? WalkResult::interrupt()
                                              : WalkResult::advance();
               }).wasInterrupted())
      return {};
  }
  return computations;
}

static std::optional<IterationCosts> emitIteration(OpBuilder &builder,
                                                   scf::ForallOp loop) {
  Location loc = loop.getLoc();
  IterationCosts sums;
  DenseMap<Value, Value> written;
  SmallVector<Operation *> computations = collectComputations(loop);
  if (computations.empty())
    return std::nullopt;
  bool knowsFlops = true;
  for (Operation *op : computations) {
    std::optional<Costs> costs = emitCosts(builder, op);
    if (!costs)
      return std::nullopt;
    knowsFlops &= costs->flops != nullptr;
    if (knowsFlops)
      sums.flops = sums.flops
                       ? emit::add(builder, loc, sums.flops, costs->flops)
                       : costs->flops;
    auto style = cast<DestinationStyleOpInterface>(op);
    for (const Traffic &part : costs->traffic) {
      Value outside = findOutside(loop, part.operand);
      if (part.isRead && outside)
        addBytes(builder, loc, sums.read, outside, part.bytes);
      for (OpOperand &init : style.getDpsInitsMutable())
        if (part.isWritten && init.get() == part.operand)
          written[style.getTiedOpResult(&init)] = part.bytes;
    }
  }
  if (!knowsFlops)
    sums.flops = {};
  for (Operation &op : loop.getTerminator().getYieldingOps()) {
    auto insert = cast<tensor::ParallelInsertSliceOp>(op);
    Value bytes = written.lookup(insert.getSource());
    if (!bytes)
      bytes = emitBytes(builder, loc, insert.getSource());
    if (bytes)
      addBytes(builder, loc, sums.written,
               cast<BlockArgument>(insert.getDest()), bytes);
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// All iterations
//===----------------------------------------------------------------------===//

/// Adds up values of the body over all iterations. Nothing where they cannot be
/// copied.
static SmallVector<Value> emitSums(OpBuilder &builder, scf::ForallOp loop,
                                   ArrayRef<Value> terms) {
  Location loc = loop.getLoc();
  auto toValues = [&](ArrayRef<OpFoldResult> bounds) {
    return getValueOrCreateConstantIndexOp(builder, loc, bounds);
  };
  Value zero = emit::index(builder, loc, 0);
  bool isComplete = true;
  scf::LoopNest nest = scf::buildLoopNest(
      builder, loc, toValues(loop.getMixedLowerBound()),
      toValues(loop.getMixedUpperBound()), toValues(loop.getMixedStep()),
      SmallVector<Value>(terms.size(), zero),
      [&](OpBuilder &nested, Location, ValueRange ivs, ValueRange sums) {
        IndexCopier copier(nested, loop, ivs);
        scf::ValueVector next;
        for (auto [sum, term] : llvm::zip_equal(sums, terms)) {
          Value copied = copier.copy(term);
          isComplete &= copied != nullptr;
          next.push_back(copied ? emit::add(nested, loc, sum, copied) : sum);
        }
        return next;
      });
  if (isComplete)
    return {nest.results.begin(), nest.results.end()};
  nest.loops.front()->erase();
  return {};
}

/// Tiles may overlap in what they read, but what comes from outside is there
/// once.
static Work addUp(OpBuilder &builder, scf::ForallOp loop,
                  const IterationCosts &costs) {
  SmallVector<Value> terms, wholes;
  for (auto [tensor, bytes] : costs.read) {
    wholes.push_back(tensor);
    terms.push_back(bytes);
  }
  for (auto [output, bytes] : costs.written) {
    wholes.push_back(loop.getTiedOpOperand(output)->get());
    terms.push_back(bytes);
  }
  if (costs.flops)
    terms.push_back(costs.flops);
  SmallVector<Value> sums = emitSums(builder, loop, terms);
  if (sums.empty())
    return {};

  Location loc = loop.getLoc();
  Work work;
  work.bytes = emit::index(builder, loc, 0);
  for (auto [whole, sum] : llvm::zip(wholes, sums)) {
    Value all = emitBytes(builder, loc, whole);
    work.bytes =
        emit::add(builder, loc, work.bytes, emit::min(builder, loc, sum, all));
  }
  if (costs.flops)
    work.flops = sums.back();
  return work;
}

Work effattn::emitLoopWork(OpBuilder &builder, scf::ForallOp loop) {
  // The costs of an iteration are only there to be copied.
  Operation *end = loop.getTerminator(), *last = end->getPrevNode();
  OpBuilder inside(end);
  std::optional<IterationCosts> costs = emitIteration(inside, loop);
  Work work = costs ? addUp(builder, loop, *costs) : Work();
  while (end->getPrevNode() != last)
    end->getPrevNode()->erase();
  return work;
}
