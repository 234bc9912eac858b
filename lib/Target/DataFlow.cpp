//===- DataFlow.cpp - Which ops a graph shows, and where values come from -===//
#include "DataFlow.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Which ops
//===----------------------------------------------------------------------===//

bool effattn::isWeight(Operation *op) {
  if (isa<ml_program::GlobalLoadOp, ml_program::GlobalLoadConstOp,
          memref::GetGlobalOp>(op))
    return true;
  if (!op->hasTrait<OpTrait::ConstantLike>() || op->getNumResults() != 1 ||
      !isa<ShapedType>(op->getResult(0).getType()))
    return false;
  auto splat = op->getAttrOfType<SplatElementsAttr>("value");
  return !splat;
}

/// Whether results only begin with `fill`.
static bool isBeginning(linalg::FillOp fill) {
  return llvm::all_of(fill->getUses(), [](OpOperand &use) {
    auto style = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
    return isa<tensor::DimOp>(use.getOwner()) ||
           (style && style.isDpsInit(&use));
  });
}

static bool isBookkeeping(Operation *op) {
  if (isWeight(op))
    return false;
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return fill->getNumResults() && isBeginning(fill);
  if (op->hasTrait<OpTrait::ConstantLike>() ||
      isa<tensor::EmptyOp, tensor::DimOp, tensor::CastOp, memref::DimOp,
          memref::DeallocOp, bufferization::AllocTensorOp,
          bufferization::ToTensorOp, bufferization::ToBufferOp,
          UnrealizedConversionCastOp, arith::IndexCastOp, arith::IndexCastUIOp,
          ViewLikeOpInterface, CheckOp, BeginSpanOp, EndSpanOp>(op))
    return true;
  // What only computes sizes and places.
  return op->getNumResults() && isMemoryEffectFree(op) &&
         llvm::all_of(op->getResultTypes(), llvm::IsaPred<IndexType>);
}

/// Whether the regions of the op say what it computes.
static bool isOneStep(Operation *op) {
  return !op->getNumRegions() || op->hasTrait<OpTrait::IsIsolatedFromAbove>() ||
         isa<linalg::LinalgOp, ComputeOpInterface, tensor::GenerateOp,
             tensor::PadOp, scf::ReduceOp, memref::GenericAtomicRMWOp>(op);
}

bool DataFlow::isGroup(Operation *op) {
  return !isOneStep(op) && !isa<scf::InParallelOp>(op);
}

bool DataFlow::isNode(Operation *op) {
  return isOneStep(op) && !isBookkeeping(op) &&
         !op->hasTrait<OpTrait::IsTerminator>() &&
         !isa<tensor::ParallelInsertSliceOp>(op);
}

//===----------------------------------------------------------------------===//
// Where values come from
//===----------------------------------------------------------------------===//

DataFlow::DataFlow(Region &body) : body(body) {
  body.walk<WalkOrder::PreOrder>([&](Operation *op) {
    addRegions(op);
    addBranches(op);
    return isOneStep(op) ? WalkResult::skip() : WalkResult::advance();
  });
}

void DataFlow::addRegions(Operation *op) {
  if (auto loop = dyn_cast<scf::ForallOp>(op)) {
    for (auto [output, argument] :
         llvm::zip(loop.getOutputs(), loop.getRegionIterArgs()))
      incoming[argument].push_back(output);
    for (Operation &insert : loop.getTerminator().getYieldingOps())
      if (auto slice = dyn_cast<tensor::ParallelInsertSliceOp>(insert))
        if (auto argument = dyn_cast<BlockArgument>(slice.getDest()))
          incoming[loop.getTiedOpResult(loop.getTiedOpOperand(argument))]
              .push_back(slice.getSource());
    return;
  }
  auto branch = dyn_cast<RegionBranchOpInterface>(op);
  if (!branch || isOneStep(op))
    return;
  for (RegionBranchPoint point : branch.getAllRegionBranchPoints()) {
    SmallVector<RegionSuccessor> successors;
    branch.getSuccessorRegions(point, successors);
    for (RegionSuccessor successor : successors)
      for (auto [from, to] :
           llvm::zip(branch.getSuccessorOperands(point, successor),
                     successor.getSuccessorInputs()))
        incoming[to].push_back(from);
  }
}

void DataFlow::addBranches(Operation *op) {
  auto branch = dyn_cast<BranchOpInterface>(op);
  if (!branch)
    return;
  for (auto [number, block] : llvm::enumerate(op->getSuccessors())) {
    SuccessorOperands operands = branch.getSuccessorOperands(number);
    for (auto [from, to] : llvm::zip(operands.getForwardedOperands(),
                                     block->getArguments().drop_front(
                                         operands.getProducedOperandCount())))
      incoming[to].push_back(from);
  }
}

ArrayRef<Value> DataFlow::getIncoming(Value value) const {
  auto found = incoming.find(value);
  return found == incoming.end() ? ArrayRef<Value>() : found->second;
}

bool DataFlow::isFedBack(Value value, Value incoming) {
  return incoming != value &&
         value.getParentRegion()->isAncestor(incoming.getParentRegion());
}

bool DataFlow::isCarried(Value value) const {
  return isa<BlockArgument>(value) && !value.getType().isIndex() &&
         llvm::any_of(getIncoming(value),
                      [&](Value from) { return isFedBack(value, from); });
}

/// What bookkeeping passes on, and what a group without known branches ends
/// with. Sizes are no data.
static void addPassedOn(Operation *op, SmallVectorImpl<Value> &values) {
  if (isa<tensor::DimOp, memref::DimOp, tensor::EmptyOp,
          bufferization::AllocTensorOp>(op))
    return;
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    llvm::append_range(values, fill.getInputs());
  else if (auto view = dyn_cast<ViewLikeOpInterface>(op))
    values.push_back(view.getViewSource());
  else if (!op->getNumRegions())
    llvm::append_range(values, op->getOperands());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (block.mightHaveTerminator())
        llvm::append_range(values, block.getTerminator()->getOperands());
}

SmallVector<Value> DataFlow::findSources(Value value) const {
  SmallVector<Value> open{value};
  llvm::SetVector<Value> seen, sources;
  for (size_t next = 0; next < open.size(); ++next) {
    Value current = open[next];
    if (!seen.insert(current))
      continue;
    Operation *op = current.getDefiningOp();
    bool isArgument =
        !op && !body.empty() && current.getParentBlock() == &body.front();
    if (isArgument || isCarried(current) || (op && isNode(op)))
      sources.insert(current);
    else if (ArrayRef<Value> from = getIncoming(current); !from.empty())
      llvm::append_range(open, from);
    else if (op)
      addPassedOn(op, open);
  }
  return sources.takeVector();
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

static Access getMemoryAccess(OpOperand &operand) {
  auto effects = dyn_cast<MemoryEffectOpInterface>(operand.getOwner());
  if (!effects)
    return {/*reads=*/true,
            /*writes=*/isa<CallOpInterface>(operand.getOwner())};
  return {
      effects.getEffectOnValue<MemoryEffects::Read>(operand.get()).has_value(),
      effects.getEffectOnValue<MemoryEffects::Write>(operand.get())
          .has_value()};
}

Access effattn::getAccess(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (isa<BaseMemRefType>(operand.get().getType()))
    return getMemoryAccess(operand);
  auto style = dyn_cast<DestinationStyleOpInterface>(op);
  if (!style || !style.isDpsInit(&operand))
    return {/*reads=*/true, /*writes=*/false};
  Access access{/*reads=*/true, /*writes=*/true};
  if (auto compute = dyn_cast<ComputeOpInterface>(op))
    access.reads =
        compute.readsInit(operand.getOperandNumber() -
                          style.getDpsInitsMutable()[0].getOperandNumber());
  else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    access.reads = linalgOp.payloadUsesValueFromOperand(&operand) &&
                   !operand.get().getDefiningOp<linalg::FillOp>();
  return access;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static bool isParameter(ComputeOpInterface op, OpOperand &operand) {
  for (auto [group, spec] :
       llvm::enumerate(parseShapeSpec(op.getShapeSpec()))) {
    OperandRange values = op.getOperandGroup(group);
    unsigned first = values.getBeginOperandIndex();
    if (operand.getOperandNumber() < first ||
        operand.getOperandNumber() >= first + values.size())
      continue;
    return spec.shaped && !spec.anyLeading &&
           llvm::none_of(spec.sizes, [](StringRef size) {
             return size == "B" || size == "T" || size == "B|1";
           });
  }
  return false;
}

/// The right operand of a product, or one that is repeated along a dimension.
static bool isParameter(linalg::LinalgOp op, OpOperand &operand) {
  if (op.isDpsInit(&operand))
    return false;
  if (linalg::isaContractionOpInterface(op)) {
    auto dims = linalg::inferContractionDims(op);
    return succeeded(dims) && dims->batch.empty() &&
           operand.getOperandNumber() == 1;
  }
  return op.getMatchingIndexingMap(&operand).getNumResults() <
             op.getNumLoops() &&
         op.getNumParallelLoops() == op.getNumLoops();
}

/// Whether all users take `value` as a parameter, and there is one.
static bool isUsedAsParameter(Value value) {
  bool isUsed = false;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<tensor::DimOp>(user))
      continue;
    isUsed = true;
    if (isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp,
            linalg::TransposeOp>(user)) {
      if (!user->getNumResults() || !isUsedAsParameter(user->getResult(0)))
        return false;
    } else if (auto compute = dyn_cast<ComputeOpInterface>(user)) {
      if (!isParameter(compute, use))
        return false;
    } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(user)) {
      if (!isParameter(linalgOp, use))
        return false;
    } else {
      return false;
    }
  }
  return isUsed;
}

bool effattn::isWeight(BlockArgument argument) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  return type && type.getRank() && type.hasStaticShape() &&
         isUsedAsParameter(argument);
}
