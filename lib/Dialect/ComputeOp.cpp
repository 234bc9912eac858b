//===- ComputeOp.cpp - What the computing ops share -----------------------===//
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/ShapeSpec.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Shapes and element types
//===----------------------------------------------------------------------===//

static bool isActivation(Type type) {
  return type.isF32() || type.isBF16() || type.isF16();
}

/// The element types a name of EffAttn_ShapeInfo admits, in words.
static StringRef describeElement(StringRef element) {
  if (element == "float" || element == "F")
    return "f32, bf16 or f16";
  if (element == "bool")
    return "i1";
  if (element == "int")
    return "i32 or i64";
  return element;
}

static bool admitsElement(StringRef element, Type type) {
  if (element == "float" || element == "F")
    return isActivation(type);
  if (element == "bool")
    return type.isInteger(1);
  if (element == "int")
    return type.isSignlessInteger(32) || type.isSignlessInteger(64);
  if (element == "i32")
    return type.isSignlessInteger(32);
  if (element == "i8")
    return type.isSignlessInteger(8);
  assert(element == "f32" && "unknown element name in a shape specification");
  return type.isF32();
}

static std::string dimText(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}

/// Rank, element type and literal sizes of one operand.
static LogicalResult verifyOperand(Operation *op, const OperandSpec &spec,
                                   Value operand) {
  auto type = cast<ShapedType>(operand.getType());
  int64_t rank = spec.sizes.size();
  if (spec.anyLeading ? type.getRank() < rank : type.getRank() != rank)
    return op->emitOpError("expected ")
           << spec.name << " to have rank "
           << (spec.anyLeading ? "at least " : "") << rank << " ["
           << (spec.anyLeading ? "..., " : "") << llvm::join(spec.sizes, ", ")
           << "], but got " << type;
  if (!admitsElement(spec.element, type.getElementType()))
    return op->emitOpError("expected ")
           << spec.name << " to have element type "
           << describeElement(spec.element) << ", but got "
           << type.getElementType();
  for (auto [i, token] : llvm::enumerate(spec.sizes)) {
    int64_t wanted;
    unsigned dim = type.getRank() - rank + i;
    if (token.getAsInteger(10, wanted) || type.isDynamicDim(dim) ||
        type.getDimSize(dim) == wanted)
      continue;
    return op->emitOpError("expected ")
           << spec.name << " (dim " << dim << ") to be " << wanted
           << ", but got " << type.getDimSize(dim);
  }
  return success();
}

/// `...` stands for as many dimensions at every operand that has it.
static LogicalResult verifyLeading(ComputeOpInterface op,
                                   ArrayRef<OperandSpec> specs) {
  std::optional<int64_t> leading;
  StringRef firstName;
  for (auto [group, spec] : llvm::enumerate(specs)) {
    if (!spec.anyLeading || spec.opVerifiesRank)
      continue;
    for (Value operand : op.getOperandGroup(group)) {
      auto type = cast<ShapedType>(operand.getType());
      int64_t own = spec.sizes.size();
      if (!leading) {
        leading = type.getRank() - own;
        firstName = spec.name;
      }
      if (type.getRank() != *leading + own)
        return op->emitOpError("expected ")
               << spec.name << " to have rank " << *leading + own << ", with "
               << *leading << " leading dimensions as " << firstName
               << ", but got " << type;
    }
  }
  return success();
}

/// All operands whose element is called `F` have one element type.
static LogicalResult verifyElementF(ComputeOpInterface op,
                                    ArrayRef<OperandSpec> specs) {
  Value first;
  StringRef firstName;
  for (auto [group, spec] : llvm::enumerate(specs)) {
    if (spec.element != "F")
      continue;
    for (Value operand : op.getOperandGroup(group)) {
      if (!first) {
        first = operand;
        firstName = spec.name;
        continue;
      }
      Type wanted = getElementTypeOrSelf(first),
           got = getElementTypeOrSelf(operand);
      if (wanted != got)
        return op->emitOpError("expected ")
               << spec.name << " to have the element type of " << firstName
               << ", " << wanted << ", but got " << got;
    }
  }
  return success();
}

/// Equal symbols are equal sizes wherever both are static.
static LogicalResult verifySizes(ComputeOpInterface op) {
  llvm::StringMap<SizeUse> known;
  for (SizeUse &use : collectSizeUses(op)) {
    int64_t size = cast<ShapedType>(use.operand.getType()).getDimSize(use.dim);
    if (ShapedType::isDynamic(size) || (use.orOne && size == 1))
      continue;
    auto [it, inserted] = known.try_emplace(use.symbol, use);
    if (inserted)
      continue;
    const SizeUse &other = it->second;
    int64_t wanted =
        cast<ShapedType>(other.operand.getType()).getDimSize(other.dim);
    if (size == wanted)
      continue;
    InFlightDiagnostic diagnostic =
        op->emitOpError("expected ")
        << describeSize(use) << " (dim " << use.dim << ") to equal "
        << describeSize(other) << " (dim " << other.dim << "), but got "
        << dimText(size) << " and " << dimText(wanted);
    diagnostic.attachNote(other.operand.getLoc())
        << other.operandName << " is " << other.operand.getType();
    return diagnostic;
  }
  return success();
}

/// Operands of the mask ops of a region. They are verified after the op that
/// owns the region, which compares their sizes with its own.
static LogicalResult verifyMaskOperands(MaskUserOpInterface user) {
  if (user.getMaskRegion().empty())
    return success();
  for (auto mask : user.getMaskRegion().front().getOps<MaskOpInterface>())
    for (auto [group, spec] :
         llvm::enumerate(parseShapeSpec(mask.getShapeSpec())))
      for (Value operand : mask.getOperandGroup(group)) {
        // effattn-reduce erases ops first and verifies what is left.
        if (!operand)
          return mask->emitOpError("expected an operand for ") << spec.name;
        if (spec.shaped && failed(verifyOperand(mask, spec, operand)))
          return failure();
      }
  return success();
}

LogicalResult effattn::detail::verifyShapes(ComputeOpInterface op) {
  SmallVector<OperandSpec> specs = parseShapeSpec(op.getShapeSpec());
  bool onTensors = false, onMemRefs = false;
  for (auto [group, spec] : llvm::enumerate(specs)) {
    for (Value operand : op.getOperandGroup(group)) {
      onTensors |= isa<TensorType>(operand.getType());
      onMemRefs |= isa<MemRefType>(operand.getType());
      bool hasShape = spec.shaped && isa<ShapedType>(operand.getType());
      if (hasShape && failed(verifyOperand(op, spec, operand)))
        return failure();
    }
  }
  if (onTensors && onMemRefs)
    return op->emitOpError("expected all operands to be tensors or all to be "
                           "memrefs, but got both");
  if (failed(verifyLeading(op, specs)) || failed(verifyElementF(op, specs)))
    return failure();
  if (auto user = dyn_cast<MaskUserOpInterface>(op.getOperation()))
    if (failed(verifyMaskRegion(user)) || failed(verifyMaskOperands(user)))
      return failure();
  return verifySizes(op);
}

//===----------------------------------------------------------------------===//
// Destination style
//===----------------------------------------------------------------------===//

LogicalResult effattn::detail::inferInitTypes(ValueRange operands,
                                              unsigned initCount,
                                              SmallVectorImpl<Type> &inferred) {
  if (operands.size() < initCount)
    return failure();
  for (Value init : operands.take_back(initCount))
    if (isa<RankedTensorType>(init.getType()))
      inferred.push_back(init.getType());
  return success();
}

LogicalResult
effattn::detail::reifyInitShapes(Operation *op, OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  for (OpOperand &init :
       cast<DestinationStyleOpInterface>(op).getDpsInitsMutable())
    shapes.push_back(tensor::getMixedSizes(builder, op->getLoc(), init.get()));
  return success();
}

/// Tensors have no effects. Memrefs are read, inits are written and, where
/// they are state, read; so is every memref that a region captures.
void effattn::detail::getComputeEffects(
    ComputeOpInterface op,
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  auto *resource = SideEffects::DefaultResource::get();
  unsigned firstInit = op->getNumOperands() - op.getInitCount();
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isInit = operand.getOperandNumber() >= firstInit;
    if (!isInit || op.readsInit(operand.getOperandNumber() - firstInit))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, resource);
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand, resource);
  }
  for (Region &region : op->getRegions()) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(region, captured);
    for (Value value : captured) {
      if (!isa<MemRefType>(value.getType()))
        continue;
      if (auto result = dyn_cast<OpResult>(value))
        effects.emplace_back(MemoryEffects::Read::get(), result, resource);
      else
        effects.emplace_back(MemoryEffects::Read::get(),
                             cast<BlockArgument>(value), resource);
    }
  }
}
