//===- EmitEntryPoints.cpp - C functions over DLPack ----------------------===//
#include "EntryConstants.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Target/Passes.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/TargetParser/Triple.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EMITENTRYPOINTSPASS
#include "effattn/Target/Passes.h.inc"

namespace {

constexpr llvm::StringLiteral kWrapperPrefix = "_mlir_ciface_";

/// Emits what surrounds one implementation.
class EntryEmitter {
public:
  EntryEmitter(ModuleOp module, SymbolTable &symbols, EntryConstants &constants,
               LLVM::LLVMFuncOp implementation, Signature signature)
      : module(module), symbols(symbols), constants(constants),
        implementation(implementation), signature(std::move(signature)),
        loc(implementation.getLoc()), builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i32(builder.getI32Type()), i64(builder.getI64Type()) {}

  LogicalResult emit(llvm::StringRef prefix);

private:
  LogicalResult findFunctions();
  LogicalResult checkNames();
  LogicalResult checkWrapper(LLVM::LLVMFuncOp wrapper, int64_t pointersBefore,
                             int64_t pointersAfter, Type result);
  void hide(LLVM::LLVMFuncOp function);
  LLVM::LLVMFuncOp createFunction(const llvm::Twine &name, TypeRange arguments,
                                  LLVM::Linkage linkage);
  LLVM::LLVMFuncOp declareSupport(llvm::StringRef name, int64_t pointers);
  LLVM::LLVMFuncOp emitCompute();
  LLVM::LLVMFuncOp emitSizes();
  void emitTensorEntry(const llvm::Twine &name, llvm::StringRef support,
                       LLVM::GlobalOp description, int64_t pointers = 2);
  void emitPlainEntry(LLVM::GlobalOp description);
  Value loadPointer(Value array, int64_t index);
  void loadInputs(Value array, LLVM::LLVMFuncOp wrapper,
                  llvm::SmallVectorImpl<Value> &operands);
  Value allocate(Type type);
  void storeAt(Type elementType, Value array, int64_t index, Value value);

  int64_t inputCount() const { return signature.inputs.size(); }
  /// Outputs for which the implementation takes a buffer.
  int64_t bufferCount() const {
    return llvm::count_if(signature.outputs, [](const SignatureArgument &o) {
      return !o.calleeAllocated && !o.state;
    });
  }
  bool hasResults() const {
    return llvm::any_of(signature.outputs, [](const SignatureArgument &o) {
      return o.calleeAllocated;
    });
  }
  int64_t sizeCount() const {
    int64_t count = 0;
    for (const SignatureArgument &output : signature.outputs)
      count += output.sizes.size();
    return count;
  }
  LLVM::LLVMStructType getResultType();

  ModuleOp module;
  SymbolTable &symbols;
  EntryConstants &constants;
  LLVM::LLVMFuncOp implementation, wrapper, sizes, sizesWrapper;
  Signature signature;
  Location loc;
  OpBuilder builder;
  Type pointer, i32, i64;
};

} // namespace

/// The struct through which the wrapper returns: descriptors, then the status.
LLVM::LLVMStructType EntryEmitter::getResultType() {
  llvm::SmallVector<Type> fields;
  for (const SignatureArgument &output : signature.outputs) {
    if (!output.calleeAllocated)
      continue;
    auto array = LLVM::LLVMArrayType::get(i64, output.sizes.size());
    fields.push_back(LLVM::LLVMStructType::getLiteral(
        module.getContext(), {pointer, pointer, i64, array, array}));
  }
  fields.push_back(i32);
  return LLVM::LLVMStructType::getLiteral(module.getContext(), fields);
}

LogicalResult EntryEmitter::checkWrapper(LLVM::LLVMFuncOp wrapper,
                                         int64_t pointersBefore,
                                         int64_t pointersAfter, Type result) {
  llvm::SmallVector<Type> expected(pointersBefore, pointer);
  llvm::ArrayRef<Type> actual = wrapper.getArgumentTypes();
  for (auto [index, input] : llvm::enumerate(signature.inputs)) {
    Type type = pointer;
    size_t position = pointersBefore + index;
    // Any scalar of the right width: the wrapper's own type says how it goes.
    if (input.byValue && position < actual.size() &&
        actual[position].isIntOrFloat() &&
        llvm::alignTo(actual[position].getIntOrFloatBitWidth(), 8) ==
            input.element->bits)
      type = actual[position];
    expected.push_back(type);
  }
  expected.append(pointersAfter, pointer);
  auto type = LLVM::LLVMFunctionType::get(result, expected);
  if (wrapper.getFunctionType() == type)
    return success();
  return wrapper.emitOpError("expected the type ")
         << type << " by the signature of @" << implementation.getSymName()
         << ", but got " << wrapper.getFunctionType();
}

LogicalResult EntryEmitter::findFunctions() {
  llvm::StringRef name = implementation.getSymName();
  auto find = [&](const llvm::Twine &name) {
    return symbols.lookup<LLVM::LLVMFuncOp>(name.str());
  };
  wrapper = find(kWrapperPrefix + name);
  if (implementation.isExternal() || !wrapper)
    return implementation.emitOpError(
        "expected a body and a wrapper made by 'llvm.emit_c_interface'");
  Type none = LLVM::LLVMVoidType::get(module.getContext());
  if (failed(checkWrapper(wrapper, hasResults(), bufferCount(),
                          hasResults() ? none : i32)))
    return failure();

  sizes = find(name + "_sizes");
  sizesWrapper = find(kWrapperPrefix + name + "_sizes");
  if (sizesWrapper)
    return checkWrapper(sizesWrapper, sizeCount() > 1, 0,
                        sizeCount() == 1 ? i64 : none);
  for (const SignatureArgument &output : signature.outputs)
    for (const SignatureSize &size : output.sizes)
      if (size.kind == SignatureSize::Kind::Symbol &&
          size.value >= signature.inputSymbolCount)
        return implementation.emitOpError("expected a function @")
               << name << "_sizes with 'llvm.emit_c_interface', as no input "
               << "has the size " << signature.symbols[size.value]
               << " of output '" << output.name << '\'';
  return success();
}

/// Whose functions have such names; empty: anybody's.
static llvm::StringRef ownerOfName(llvm::StringRef name) {
  if (name.starts_with("effattn_"))
    return "the support code of effattn";
  if (name.starts_with("omp_"))
    return "the OpenMP runtime";
  if (name.starts_with("__"))
    return "the compiler and its runtimes";
  llvm::LibFunc function;
  if (llvm::TargetLibraryInfoImpl(llvm::Triple("x86_64-linux-gnu"))
          .getLibFunc(name, function))
    return "the C library";
  return "";
}

LogicalResult EntryEmitter::checkNames() {
  for (llvm::StringRef suffix :
       {"", "_on_stream", "_output_shapes", "_plain", "_signature"}) {
    std::string name = signature.function + suffix.str();
    if (symbols.lookup(name))
      return implementation.emitOpError("needs the name @")
             << name << " for its C functions, but the module has it already";
    // Compiled code calls these: with our definition it would call itself.
    if (llvm::StringRef owner = ownerOfName(name); !owner.empty())
      return implementation.emitOpError("needs the name @")
             << name << " for its C functions, but it is a name of " << owner
             << "; use another name or a symbol prefix";
  }
  return success();
}

void EntryEmitter::hide(LLVM::LLVMFuncOp function) {
  if (!function)
    return;
  function.setLinkage(LLVM::Linkage::Internal);
  SymbolTable::setSymbolVisibility(function, SymbolTable::Visibility::Private);
  function->removeAttr(EffAttnDialect::kSignatureAttr);
}

LLVM::LLVMFuncOp EntryEmitter::createFunction(const llvm::Twine &name,
                                              TypeRange arguments,
                                              LLVM::Linkage linkage) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      builder, loc, name.str(),
      LLVM::LLVMFunctionType::get(i32, llvm::to_vector(arguments)), linkage);
  symbols.insert(function);
  function.addEntryBlock(builder);
  return function;
}

LLVM::LLVMFuncOp EntryEmitter::declareSupport(llvm::StringRef name,
                                              int64_t pointers) {
  if (auto function = symbols.lookup<LLVM::LLVMFuncOp>(name))
    return function;
  builder.setInsertionPointToStart(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      builder, loc, name,
      LLVM::LLVMFunctionType::get(i32,
                                  llvm::SmallVector<Type>(pointers, pointer)));
  symbols.insert(function);
  return function;
}

Value EntryEmitter::loadPointer(Value array, int64_t index) {
  Value at = LLVM::GEPOp::create(
      builder, loc, pointer, pointer, array,
      llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(builder, loc, pointer, at);
}

void EntryEmitter::loadInputs(Value array, LLVM::LLVMFuncOp wrapper,
                              llvm::SmallVectorImpl<Value> &operands) {
  for (auto [index, input] : llvm::enumerate(signature.inputs)) {
    Value value = loadPointer(array, index);
    if (input.byValue) {
      Type type = wrapper.getArgumentTypes()[operands.size()];
      // A bool is a byte there, true when it is not 0.
      bool isBool = type.isInteger(1);
      value = LLVM::LoadOp::create(builder, loc,
                                   isBool ? builder.getI8Type() : type, value);
      if (isBool) {
        Value zero = LLVM::ZeroOp::create(builder, loc, builder.getI8Type());
        value = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne,
                                     value, zero);
      }
    }
    operands.push_back(value);
  }
}

/// Calls the implementation with what an array of pointers points to.
LLVM::LLVMFuncOp EntryEmitter::emitCompute() {
  auto function = createFunction("effattn." + signature.function + ".compute",
                                 pointer, LLVM::Linkage::Internal);
  builder.setInsertionPointToStart(&function.front());
  Value array = function.getArgument(0);
  llvm::SmallVector<Value> operands;
  if (hasResults())
    operands.push_back(loadPointer(array, inputCount() + bufferCount()));
  loadInputs(array, wrapper, operands);
  for (int64_t index = 0; index < bufferCount(); ++index)
    operands.push_back(loadPointer(array, inputCount() + index));
  auto call = LLVM::CallOp::create(builder, loc, wrapper, operands);
  Value status;
  if (hasResults()) {
    LLVM::LLVMStructType type = getResultType();
    Value at = LLVM::GEPOp::create(
        builder, loc, pointer, type, operands.front(),
        llvm::ArrayRef<LLVM::GEPArg>{
            0, static_cast<int32_t>(type.getBody().size() - 1)});
    status = LLVM::LoadOp::create(builder, loc, i32, at);
  } else {
    status = call.getResult();
  }
  LLVM::ReturnOp::create(builder, loc, status);
  return function;
}

/// Calls the sizes function, which writes where the last pointer says.
LLVM::LLVMFuncOp EntryEmitter::emitSizes() {
  if (!sizesWrapper || sizeCount() == 0)
    return {};
  auto function = createFunction("effattn." + signature.function + ".sizes",
                                 pointer, LLVM::Linkage::Internal);
  builder.setInsertionPointToStart(&function.front());
  Value array = function.getArgument(0);
  Value result = loadPointer(array, inputCount());
  llvm::SmallVector<Value> operands;
  if (sizeCount() > 1)
    operands.push_back(result);
  loadInputs(array, sizesWrapper, operands);
  auto call = LLVM::CallOp::create(builder, loc, sizesWrapper, operands);
  if (sizeCount() == 1)
    LLVM::StoreOp::create(builder, loc, call.getResult(), result);
  Value done = LLVM::ZeroOp::create(builder, loc, i32);
  LLVM::ReturnOp::create(builder, loc, done);
  return function;
}

static void markBaseline(LLVM::LLVMFuncOp function, bool hasCpuFeatures) {
  // Runs before the CPU is checked, so that it must not use its features.
  function.setNoInline(true);
  if (hasCpuFeatures)
    function.setTargetCpu("x86-64");
}

void EntryEmitter::emitTensorEntry(const llvm::Twine &name,
                                   llvm::StringRef support,
                                   LLVM::GlobalOp description,
                                   int64_t pointers) {
  LLVM::LLVMFuncOp callee = declareSupport(support, 1 + pointers);
  llvm::SmallVector<Type> types(pointers, pointer);
  auto function = createFunction(name, types, LLVM::Linkage::External);
  markBaseline(function, constants.hasCpuFeatures());
  builder.setInsertionPointToStart(&function.front());
  Value address = LLVM::AddressOfOp::create(builder, loc, description);
  llvm::SmallVector<Value> operands{address};
  llvm::append_range(operands, function.getArguments());
  auto call = LLVM::CallOp::create(builder, loc, callee, operands);
  LLVM::ReturnOp::create(builder, loc, call.getResult());
}

Value EntryEmitter::allocate(Type type) {
  Value one =
      LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(1));
  return LLVM::AllocaOp::create(builder, loc, pointer, type, one);
}

void EntryEmitter::storeAt(Type elementType, Value array, int64_t index,
                           Value value) {
  Value at = LLVM::GEPOp::create(
      builder, loc, pointer, elementType, array,
      llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  LLVM::StoreOp::create(builder, loc, value, at);
}

/// Turns the parameters into an array of pointers and one of sizes.
void EntryEmitter::emitPlainEntry(LLVM::GlobalOp description) {
  // In the order of writeHeader: inputs, outputs, symbols of the inputs.
  llvm::SmallVector<Type> types;
  for (const SignatureArgument &input : signature.inputs) {
    Type type = pointer;
    if (input.byValue && input.element->cType == "float")
      type = builder.getF32Type();
    else if (input.byValue && input.element->cType == "double")
      type = builder.getF64Type();
    else if (input.byValue)
      type = builder.getIntegerType(input.element->bits);
    types.push_back(type);
  }
  for (const SignatureArgument &output : signature.outputs)
    types.append(output.calleeAllocated ? 2 : 1, pointer);
  int64_t pointerCount = types.size();
  types.append(signature.inputSymbolCount, i64);

  LLVM::LLVMFuncOp callee = declareSupport("effattn_call_plain", 3);
  auto function = createFunction(signature.function + "_plain", types,
                                 LLVM::Linkage::External);
  markBaseline(function, constants.hasCpuFeatures());
  builder.setInsertionPointToStart(&function.front());
  Value pointers = allocate(LLVM::LLVMArrayType::get(pointer, pointerCount));
  Value sizeArray =
      allocate(LLVM::LLVMArrayType::get(i64, signature.inputSymbolCount));
  for (int64_t index = 0; index < pointerCount; ++index) {
    Value value = function.getArgument(index);
    if (value.getType() != pointer) {
      Value place = allocate(value.getType());
      LLVM::StoreOp::create(builder, loc, value, place);
      value = place;
    }
    storeAt(pointer, pointers, index, value);
  }
  for (int64_t index = 0; index < signature.inputSymbolCount; ++index)
    storeAt(i64, sizeArray, index, function.getArgument(pointerCount + index));
  Value address = LLVM::AddressOfOp::create(builder, loc, description);
  auto call = LLVM::CallOp::create(builder, loc, callee,
                                   ValueRange{address, pointers, sizeArray});
  LLVM::ReturnOp::create(builder, loc, call.getResult());
}

LogicalResult EntryEmitter::emit(llvm::StringRef prefix) {
  if (failed(findFunctions()))
    return failure();
  Attribute attribute = implementation->getAttr(EffAttnDialect::kSignatureAttr);
  auto hiddenName = builder.getStringAttr(
      "effattn." + implementation.getSymName() + ".implementation");
  if (failed(symbols.rename(implementation, hiddenName)))
    return failure();
  for (LLVM::LLVMFuncOp function :
       {implementation, wrapper, sizes, sizesWrapper})
    hide(function);

  signature.function = (prefix + signature.function).str();
  if (failed(checkNames()))
    return failure();
  LLVM::LLVMFuncOp compute = emitCompute();
  LLVM::GlobalOp description =
      constants.emitFunction(signature, compute, emitSizes());
  emitTensorEntry(signature.function, "effattn_call", description);
  emitTensorEntry(signature.function + "_output_shapes",
                  "effattn_output_shapes", description);
  if (constants.hasStreams())
    emitTensorEntry(signature.function + "_on_stream", "effattn_call_on_stream",
                    description, 3);
  emitPlainEntry(description);
  std::string json;
  llvm::raw_string_ostream(json)
      << llvm::json::Value(signatureToJson(signature));
  constants.emitText(signature.function + "_signature", json);
  // Who writes the header finds the signature on the exported function.
  symbols.lookup(signature.function)
      ->setAttr(EffAttnDialect::kSignatureAttr, attribute);
  return success();
}

namespace {

struct EmitEntryPointsPass
    : impl::EmitEntryPointsPassBase<EmitEntryPointsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!symbolPrefix.empty() && !isCIdentifier(symbolPrefix + "_")) {
      module.emitError("expected a symbol prefix that begins an identifier of "
                       "C, but got '")
          << symbolPrefix << '\'';
      return signalPassFailure();
    }
    // The wrapper of a function carries its attributes too.
    llvm::SmallVector<LLVM::LLVMFuncOp> functions;
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (function->hasAttr(EffAttnDialect::kSignatureAttr) &&
          !function.getSymName().starts_with(kWrapperPrefix))
        functions.push_back(function);
    if (functions.empty())
      return;

    SymbolTable symbols(module);
    EntryConstants constants(module);
    constants.setCpuFeatures(llvm::to_vector(cpuFeatures));
    if (!device.empty())
      constants.setDevice(device);
    for (LLVM::LLVMFuncOp function : functions) {
      FailureOr<Signature> signature = parseSignature(function);
      if (failed(signature) ||
          failed(EntryEmitter(module, symbols, constants, function,
                              std::move(*signature))
                     .emit(symbolPrefix)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::effattn
