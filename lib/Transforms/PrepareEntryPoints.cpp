//===- PrepareEntryPoints.cpp - The calling convention of compiled code ---===//
#include "EntrySignature.h"
#include "EntrySizes.h"
#include "LoopSizes.h"

#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/State.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_PREPAREENTRYPOINTSPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// What can be compiled
//===----------------------------------------------------------------------===//

static bool isBoundaryElement(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
  return type.isIndex() || type.isF16() || type.isBF16() || type.isF32() ||
         type.isF64();
}

static LogicalResult verifyBoundaryType(func::FuncOp function, StringRef kind,
                                        unsigned number, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (isBoundaryElement(tensor ? tensor.getElementType() : type) &&
      !(tensor && tensor.getEncoding()))
    return success();
  return function.emitError("expected ")
         << kind << " " << number << " of '" << function.getName()
         << "' to be a ranked tensor or scalar of i1, i8, i16, i32, i64, "
            "index, "
            "f16, bf16, f32 or f64, because it becomes a C argument, but got "
         << type;
}

static LogicalResult verifyEntry(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("expected the body of '")
           << function.getName()
           << "' to be one block; write control flow with scf, not cf";
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(verifyBoundaryType(function, "argument", number, type)))
      return failure();
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(verifyBoundaryType(function, "result", number, type)))
      return failure();
  WalkResult result = function.walk([&](func::CallOp call) {
    call.emitError("expected '")
        << call.getCallee()
        << "' to have been inlined; functions that call themselves and "
           "functions without a body cannot be compiled";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

namespace {
/// A result on its way to the C boundary.
struct Result {
  Value value;
  std::optional<unsigned> state;
  bool calleeAllocated = false;
};
} // namespace

static SmallVector<Result> collectResults(func::FuncOp function) {
  SmallVector<Result> results;
  llvm::SmallDenseSet<unsigned> taken;
  for (Value value : function.front().getTerminator()->getOperands()) {
    Result result{value, std::nullopt};
    // A wrong guess (a loop that swaps its values, say) costs a copy, never
    // correctness: bufferization decides what is in place.
    std::optional<unsigned> state = findStateArgument(function.front(), value);
    // A static size on one side only would need a cast of the caller's memory.
    if (state && value.getType() == function.getArgumentTypes()[*state] &&
        isa<RankedTensorType>(value.getType()) && taken.insert(*state).second)
      result.state = state;
    results.push_back(result);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Names of sizes
//===----------------------------------------------------------------------===//

/// What a size of a result goes by: a number, the symbol of the argument's
/// size it equals, `?`, or a name of its own.
static Attribute nameResultSize(ArgumentSizes &arguments, Value size,
                                StringRef ownName) {
  Builder builder(size.getContext());
  if (auto cast = size.getDefiningOp<arith::IndexCastOp>())
    size = cast.getIn();
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return *constant < 0 ? Attribute(builder.getStringAttr("?"))
                         : builder.getI64IntegerAttr(*constant);
  if (auto dim = size.getDefiningOp<memref::DimOp>())
    return arguments.get({cast<BlockArgument>(dim.getSource()).getArgNumber(),
                          unsigned(*dim.getConstantIndex())});
  return builder.getStringAttr(ownName);
}

//===----------------------------------------------------------------------===//
// Signature and rewriting
//===----------------------------------------------------------------------===//

static Type elementOf(Type type) { return getElementTypeOrSelf(type); }

static DictionaryAttr describeInput(func::FuncOp function, ArgumentSizes &sizes,
                                    unsigned number) {
  Builder builder(function.getContext());
  Type type = function.getArgumentTypes()[number];
  bool isTensor = isa<RankedTensorType>(type);
  NamedAttrList entry;
  entry.set("name", builder.getStringAttr(boundaryName(
                        function.getArgAttrDict(number), "arg", number)));
  entry.set("element", TypeAttr::get(elementOf(type)));
  entry.set("sizes",
            isTensor ? sizes.getAll(number) : builder.getArrayAttr({}));
  if (!isTensor)
    entry.set("by_value", builder.getUnitAttr());
  return entry.getDictionary(function.getContext());
}

/// `effattn.shape` of a result names sizes that no argument has.
static std::string resultSizeName(func::FuncOp function, unsigned number,
                                  StringRef resultName, unsigned dim) {
  auto shape = function.getResultAttrOfType<StringAttr>(
      number, EffAttnDialect::kShapeAttr);
  if (!shape)
    return (resultName + "_dim" + Twine(dim)).str();
  SmallVector<StringRef> words;
  shape.getValue().split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return words[dim].str();
}

static DictionaryAttr describeOutput(func::FuncOp function,
                                     ArgumentSizes &arguments, unsigned number,
                                     Result &result, ValueRange sizes) {
  Builder builder(function.getContext());
  std::string name =
      boundaryName(function.getResultAttrDict(number), "result", number);
  SmallVector<Attribute> sizeNames;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    sizeNames.push_back(nameResultSize(
        arguments, size, resultSizeName(function, number, name, dim)));
    if (sizeNames.back() == builder.getStringAttr("?"))
      result.calleeAllocated = true;
  }
  // A state has its argument's sizes, whatever else is known of the result.
  if (result.state) {
    sizeNames = llvm::to_vector(arguments.getAll(*result.state));
    result.calleeAllocated = false;
  }
  NamedAttrList entry;
  entry.set("name", builder.getStringAttr(name));
  entry.set("element", TypeAttr::get(elementOf(result.value.getType())));
  entry.set("sizes", builder.getArrayAttr(sizeNames));
  if (result.state)
    entry.set("state", builder.getI64IntegerAttr(*result.state));
  if (result.calleeAllocated)
    entry.set("callee_allocated", builder.getUnitAttr());
  return entry.getDictionary(function.getContext());
}

/// Tensor arguments become memrefs; a state is writable.
static void rewriteArguments(OpBuilder &builder, func::FuncOp function,
                             ArrayRef<Result> results) {
  builder.setInsertionPointToStart(&function.front());
  for (BlockArgument argument : function.getArguments()) {
    auto tensor = dyn_cast<RankedTensorType>(argument.getType());
    if (!tensor)
      continue;
    bool isState = llvm::any_of(results, [&](const Result &result) {
      return result.state == argument.getArgNumber();
    });
    argument.setType(boundaryMemRef(builder.getContext(), tensor));
    auto toTensor = bufferization::ToTensorOp::create(
        builder, argument.getLoc(), tensor, argument, /*restrict=*/true,
        /*writable=*/isState);
    argument.replaceAllUsesExcept(toTensor, toTensor);
  }
}

/// Whether `value` may be (a view of) memory of an argument.
static bool mayShareArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (Value previous = getPredecessor(value))
      value = previous;
    else if (isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
                 tensor::CollapseShapeOp, tensor::ReshapeOp>(op))
      value = op->getOperand(0);
    else
      return isa<bufferization::ToTensorOp>(op) || op->getNumRegions() != 0;
  }
  return true;
}

static void writeResult(OpBuilder &builder, Value value, Value destination) {
  Location loc = value.getLoc();
  if (isa<RankedTensorType>(value.getType()))
    bufferization::MaterializeInDestinationOp::create(
        builder, loc, /*result=*/TypeRange(), value, destination,
        /*restrict=*/true, /*writable=*/true);
  else
    memref::StoreOp::create(builder, loc, value, destination);
}

/// Results go to memory of the caller, or are returned; the status is last.
/// States are written after everything else: what reads a state's old value,
/// another result included, has then done so. Bufferization does not see that
/// the destination is the memory of the argument.
static void rewriteResults(OpBuilder &builder, func::FuncOp function,
                           ArrayRef<Result> results) {
  Operation *terminator = function.front().getTerminator();
  builder.setInsertionPoint(terminator);
  SmallVector<Value> returned;
  for (const Result &result : results) {
    Value value = result.value;
    if (result.state)
      continue;
    if (result.calleeAllocated) {
      if (mayShareArgument(value))
        value = bufferization::AllocTensorOp::create(
            builder, value.getLoc(), cast<RankedTensorType>(value.getType()),
            /*dynamicSizes=*/ValueRange(), /*copy=*/value);
      returned.push_back(value);
      continue;
    }
    Value destination = function.front().addArgument(
        boundaryMemRef(builder.getContext(), value.getType()), value.getLoc());
    writeResult(builder, value, destination);
  }
  for (const Result &result : results)
    if (result.state)
      writeResult(builder, result.value, function.getArgument(*result.state));
  returned.push_back(
      arith::ConstantIntOp::create(builder, terminator->getLoc(), 0, 32));
  terminator->setOperands(returned);
}

static LogicalResult prepare(func::FuncOp function) {
  if (failed(verifyEntry(function)))
    return failure();
  if (SymbolTable::lookupNearestSymbolFrom(
          function, StringAttr::get(function.getContext(),
                                    function.getName() + "_sizes")))
    return function.emitError("expected no function called '")
           << function.getName() << "_sizes', because that name is needed for '"
           << function.getName() << "'";
  ArgumentSizes arguments(function);
  SmallVector<Result> results = collectResults(function);
  func::FuncOp sizesFunction = buildSizesFunction(function);

  OpBuilder builder(function.getContext());
  SmallVector<Attribute> inputs, outputs;
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    inputs.push_back(describeInput(function, arguments, number));
  ValueRange sizes = sizesFunction.front().getTerminator()->getOperands();
  for (auto [number, result] : llvm::enumerate(results)) {
    auto type = dyn_cast<RankedTensorType>(result.value.getType());
    unsigned rank = type ? type.getRank() : 0;
    outputs.push_back(describeOutput(function, arguments, number, result,
                                     sizes.take_front(rank)));
    sizes = sizes.drop_front(rank);
  }
  function->setAttr(
      EffAttnDialect::kSignatureAttr,
      builder.getDictionaryAttr(
          {builder.getNamedAttr("inputs", builder.getArrayAttr(inputs)),
           builder.getNamedAttr("outputs", builder.getArrayAttr(outputs))}));

  rewriteArguments(builder, function, results);
  for (auto [result, value] :
       llvm::zip(results, function.front().getTerminator()->getOperands()))
    result.value = value;
  rewriteResults(builder, function, results);
  SmallVector<Type> argumentTypes(function.front().getArgumentTypes());
  SmallVector<Type> resultTypes(
      function.front().getTerminator()->getOperandTypes());
  // The names are in the signature now.
  function.setArgAttrsAttr(nullptr);
  function.setResAttrsAttr(nullptr);
  function.setFunctionType(builder.getFunctionType(argumentTypes, resultTypes));
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    builder.getUnitAttr());
  return success();
}

/// MLIR leaves the size of a dimension that is not there undefined.
static LogicalResult verifyDimensions(ModuleOp module) {
  WalkResult result = module.walk([](tensor::DimOp op) {
    std::optional<int64_t> index = op.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(op.getSource().getType());
    if (!index || !type || (*index >= 0 && *index < type.getRank()))
      return WalkResult::advance();
    op.emitOpError("expected a dimension from 0 to ")
        << type.getRank() - 1 << ", but got " << *index;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Compiled functions are re-entrant: what lives between calls is an argument.
static LogicalResult verifyNoMutableGlobals(ModuleOp module) {
  for (auto global : module.getOps<ml_program::GlobalOp>())
    if (global.getIsMutable())
      return global.emitOpError("expected to be constant; pass a state as an "
                                "argument and return its successor");
  return success();
}

/// What linalg ops of other sizes do is not defined.
static LogicalResult verifyLoopSizes(ModuleOp module) {
  WalkResult result = module.walk([](linalg::LinalgOp op) {
    std::optional<SizeConflict> conflict = findSizeConflict(op);
    if (!conflict)
      return WalkResult::advance();
    op.emitOpError("expected dimension ")
        << conflict->dim << " of operand " << conflict->operand << " to be "
        << conflict->expected << ", as for the operands before it, but got "
        << conflict->size;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// None where 64 bits do not hold it.
static std::optional<int64_t> countBytes(ShapedType type) {
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

/// MLIR parses constants without looking at how many bytes they have.
static LogicalResult verifyResources(ModuleOp module) {
  WalkResult result = module.walk([](arith::ConstantOp op) {
    auto elements = dyn_cast<DenseResourceElementsAttr>(op.getValue());
    if (!elements || !elements.getElementType().isIntOrFloat() ||
        elements.getElementType().getIntOrFloatBitWidth() % 8)
      return WalkResult::advance();
    auto resource = elements.getRawHandle();
    AsmResourceBlob *blob = resource.getBlob();
    std::optional<int64_t> bytes = countBytes(elements.getType());
    if (!bytes) {
      op.emitOpError("expected a constant whose bytes 64 bits can count");
      return WalkResult::interrupt();
    }
    if (blob && int64_t(blob->getData().size()) == *bytes)
      return WalkResult::advance();
    auto error = op.emitOpError("expected the resource '")
                 << resource.getKey() << "' to have " << *bytes << " bytes";
    if (blob)
      error << ", but got " << blob->getData().size();
    else
      error << ", but the module has no resource of this name";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct PrepareEntryPointsPass
    : effattn::impl::PrepareEntryPointsPassBase<PrepareEntryPointsPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        entries.push_back(function);
    if (entries.empty()) {
      getOperation().emitError("expected at least one public function with a "
                               "body, because it becomes the C function");
      return signalPassFailure();
    }
    if (failed(verifyNoMutableGlobals(getOperation())) ||
        failed(verifyDimensions(getOperation())) ||
        failed(verifyLoopSizes(getOperation())) ||
        failed(verifyResources(getOperation())))
      return signalPassFailure();
    for (func::FuncOp function : entries)
      if (failed(prepare(function)))
        return signalPassFailure();
  }
};
} // namespace
