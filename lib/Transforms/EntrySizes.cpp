//===- EntrySizes.cpp - The sizes of what a function gives ----------------===//
#include "EntrySizes.h"

#include "effattn/Dialect/EffAttn.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// A size: a dimension of a tensor.
using Size = std::pair<Value, int64_t>;

/// A size of what the steps of a loop are given, and the one with which the
/// loop begins.
struct OpenSize {
  Size given;
  std::optional<Size> before;
};
} // namespace

/// The size of an argument of the function that a size equals, as far as ops
/// that write into a tensor and loops over them tell. `open` are those of loops
/// whose steps are being looked at: what a step is given has the size that the
/// loop begins with, if that makes what it yields have it, too.
static std::optional<Size> sizeArgument(Size size,
                                        SmallVectorImpl<OpenSize> &open) {
  auto [value, dim] = size;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (isa<func::FuncOp>(argument.getOwner()->getParentOp()))
      return size;
    auto *known = llvm::find_if(
        open, [&](const OpenSize &entry) { return entry.given == size; });
    return known == open.end() ? std::nullopt : known->before;
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return sizeArgument({style.getTiedOpOperand(result)->get(), dim}, open);
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    auto source = empty.getType().isDynamicDim(dim)
                      ? empty.getDynamicSize(dim).getDefiningOp<tensor::DimOp>()
                      : tensor::DimOp();
    if (!source || !source.getConstantIndex())
      return std::nullopt;
    return sizeArgument({source.getSource(), *source.getConstantIndex()}, open);
  }
  auto loop = dyn_cast<scf::ForOp>(op);
  if (!loop)
    return std::nullopt;
  unsigned number = result.getResultNumber();
  std::optional<Size> before =
      sizeArgument({loop.getInitArgs()[number], dim}, open);
  open.push_back({{loop.getRegionIterArg(number), dim}, before});
  std::optional<Size> after =
      sizeArgument({loop.getYieldedValues()[number], dim}, open);
  open.pop_back();
  return before == after ? before : std::nullopt;
}

/// Whether `value` is arithmetic on sizes and scalars of the arguments.
static bool isKnownFromArguments(Value value) {
  SmallVector<Value> worklist{value};
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (auto argument = dyn_cast<BlockArgument>(next)) {
      if (isa<func::FuncOp>(argument.getOwner()->getParentOp()))
        continue;
      return false;
    }
    Operation *op = next.getDefiningOp();
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      if (!isa<BlockArgument>(dim.getSource()) || !dim.getConstantIndex())
        return false;
    } else if (!isa<arith::ArithDialect, affine::AffineDialect>(
                   op->getDialect()) ||
               op->getNumRegions() != 0) {
      return false;
    }
    if (!isa<tensor::DimOp>(op))
      llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

MemRefType effattn::boundaryMemRef(MLIRContext *context, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  SmallVector<int64_t> strides;
  if (tensor && tensor.getRank() > 0) {
    strides.assign(tensor.getRank(), ShapedType::kDynamic);
    strides.back() = 1;
  }
  auto layout =
      StridedLayoutAttr::get(context, /*offset=*/ShapedType::kDynamic, strides);
  if (!tensor)
    return MemRefType::get({}, type, layout);
  return MemRefType::get(tensor.getShape(), tensor.getElementType(), layout);
}

func::FuncOp effattn::buildSizesFunction(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfter(function);
  auto sizes = cast<func::FuncOp>(builder.clone(*function));
  sizes.setName((function.getName() + "_sizes").str());
  SmallVector<Operation *> checks;
  sizes.walk([&](CheckOp check) { checks.push_back(check); });
  for (Operation *check : checks)
    check->erase();

  auto terminator = cast<func::ReturnOp>(sizes.front().getTerminator());
  builder.setInsertionPoint(terminator);
  SmallVector<Value> dims;
  for (Value value : terminator.getOperands())
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      for (int64_t dim = 0; dim < type.getRank(); ++dim) {
        SmallVector<OpenSize> open;
        Size size(value, dim);
        auto [source, place] = sizeArgument(size, open).value_or(size);
        dims.push_back(
            tensor::DimOp::create(builder, value.getLoc(), source, place));
      }
  terminator->setOperands(dims);
  auto setType = [&](TypeRange inputs, TypeRange results) {
    sizes.setFunctionType(builder.getFunctionType(inputs, results));
  };
  setType(sizes.getArgumentTypes(), ValueRange(dims).getTypes());
  sizes.setAllArgAttrs(ArrayRef<DictionaryAttr>(SmallVector<DictionaryAttr>(
      sizes.getNumArguments(), builder.getDictionaryAttr({}))));
  sizes.setAllResultAttrs(ArrayRef<DictionaryAttr>(
      SmallVector<DictionaryAttr>(dims.size(), builder.getDictionaryAttr({}))));

  // Sizes move up to the arguments they depend on; what computed the results
  // is then dead.
  auto simplify = [&] {
    RewritePatternSet patterns(sizes.getContext());
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    memref::populateResolveShapedTypeResultDimsPatterns(patterns);
    tensor::DimOp::getCanonicalizationPatterns(patterns, sizes.getContext());
    scf::ForOp::getCanonicalizationPatterns(patterns, sizes.getContext());
    scf::ForallOp::getCanonicalizationPatterns(patterns, sizes.getContext());
    scf::IfOp::getCanonicalizationPatterns(patterns, sizes.getContext());
    // Not converging leaves a size unresolved, which is the data's to decide.
    (void)applyPatternsGreedily(sizes, std::move(patterns));
  };
  simplify();
  builder.setInsertionPoint(terminator);
  for (OpOperand &operand : terminator->getOpOperands()) {
    Location loc = operand.get().getLoc();
    Value size = isKnownFromArguments(operand.get())
                     ? operand.get()
                     : Value(arith::ConstantIndexOp::create(builder, loc, -1));
    operand.set(
        arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size));
  }
  simplify();

  // What is left is arithmetic: the rest of the body is dead by construction.
  llvm::SetVector<Operation *> live;
  SmallVector<Value> worklist(terminator->getOperands());
  while (!worklist.empty())
    if (Operation *op = worklist.pop_back_val().getDefiningOp())
      if (live.insert(op))
        llvm::append_range(worklist, op->getOperands());
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(sizes.front())))
    if (&op != terminator && !live.contains(&op))
      op.erase();

  SmallVector<Type> inputs;
  for (BlockArgument argument : sizes.getArguments()) {
    if (isa<RankedTensorType>(argument.getType())) {
      for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
        auto dim = cast<tensor::DimOp>(user);
        builder.setInsertionPoint(dim);
        dim.replaceAllUsesWith(memref::DimOp::create(builder, dim.getLoc(),
                                                     argument,
                                                     *dim.getConstantIndex())
                                   .getResult());
        dim.erase();
      }
      argument.setType(
          boundaryMemRef(builder.getContext(), argument.getType()));
    }
    inputs.push_back(argument.getType());
  }
  setType(inputs, SmallVector<Type>(dims.size(), builder.getI64Type()));
  sizes->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                 builder.getUnitAttr());
  return sizes;
}
