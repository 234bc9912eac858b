//===- EntryConstants.cpp - The tables that the support code reads --------===//
#include "EntryConstants.h"
#include "X86Features.h"

#include "llvm/ADT/STLExtras.h"

namespace mlir::effattn {

EntryConstants::EntryConstants(ModuleOp module)
    : module(module), loc(module.getLoc()), builder(module.getContext()),
      pointer(LLVM::LLVMPointerType::get(module.getContext())),
      i8(builder.getI8Type()), i32(builder.getI32Type()),
      i64(builder.getI64Type()) {
  builder.setInsertionPointToStart(module.getBody());
}

Value EntryConstants::integer(OpBuilder &b, Type type, int64_t value) {
  return LLVM::ConstantOp::create(b, loc, type, b.getIntegerAttr(type, value));
}

Value EntryConstants::address(OpBuilder &b, Operation *global) {
  if (!global)
    return LLVM::ZeroOp::create(b, loc, pointer);
  return LLVM::AddressOfOp::create(
      b, loc, pointer, SymbolTable::getSymbolName(global).getValue());
}

Value EntryConstants::record(OpBuilder &b, LLVM::LLVMStructType type,
                             ValueRange fields) {
  assert(type.getBody().size() == fields.size());
  return list(b, type, fields);
}

Value EntryConstants::list(OpBuilder &b, Type type, ValueRange elements) {
  // Zero, not poison: the padding of a constant is then the same every time.
  Value value = LLVM::ZeroOp::create(b, loc, type);
  for (auto [index, element] : llvm::enumerate(elements))
    value = LLVM::InsertValueOp::create(b, loc, value, element,
                                        static_cast<int64_t>(index));
  return value;
}

LLVM::GlobalOp EntryConstants::emitConstant(llvm::StringRef name, Type type,
                                            Body body) {
  auto global =
      LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                             LLVM::Linkage::Internal, name, Attribute());
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&global.getInitializerRegion());
  Value value = body(builder);
  LLVM::ReturnOp::create(builder, loc, value);
  return global;
}

static LLVM::GlobalOp createText(OpBuilder &builder, Location loc,
                                 llvm::StringRef name, llvm::StringRef text,
                                 LLVM::Linkage linkage) {
  std::string bytes = text.str() + '\0';
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
  return LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                linkage, name, builder.getStringAttr(bytes));
}

LLVM::GlobalOp EntryConstants::getText(llvm::StringRef text) {
  LLVM::GlobalOp &global = texts[text];
  if (!global)
    global = createText(builder, loc,
                        ("effattn.text." + llvm::Twine(texts.size())).str(),
                        text, LLVM::Linkage::Internal);
  return global;
}

void EntryConstants::emitText(llvm::StringRef name, llvm::StringRef text) {
  createText(builder, loc, name, text, LLVM::Linkage::External);
}

void EntryConstants::setCpuFeatures(llvm::ArrayRef<std::string> names) {
  llvm::SmallVector<const X86Feature *> wanted;
  for (const X86Feature &feature : getX86Features())
    if (llvm::is_contained(names, feature.name))
      wanted.push_back(&feature);
  featureCount = wanted.size();
  if (wanted.empty())
    return;
  auto type = LLVM::LLVMStructType::getLiteral(
      module.getContext(), {pointer, i32, i32, i32, i32, i32, i32, i32});
  llvm::SmallVector<LLVM::GlobalOp> names_;
  for (const X86Feature *feature : wanted)
    names_.push_back(getText(feature->name));
  auto array = LLVM::LLVMArrayType::get(type, wanted.size());
  features = emitConstant("effattn.cpu_features", array, [&](OpBuilder &b) {
    llvm::SmallVector<Value> elements;
    for (auto [feature, name] : llvm::zip_equal(wanted, names_)) {
      llvm::SmallVector<Value> fields = {address(b, name)};
      for (uint32_t value :
           {feature->leaf, feature->subleaf, feature->reg, feature->shift,
            feature->mask, feature->minimum, feature->state})
        fields.push_back(integer(b, i32, static_cast<int32_t>(value)));
      elements.push_back(record(b, type, fields));
    }
    return list(b, array, elements);
  });
}

// -1 - symbol, and INT64_MIN where data decides.
static int64_t encodeSize(const SignatureSize &size) {
  switch (size.kind) {
  case SignatureSize::Kind::Static:
    return size.value;
  case SignatureSize::Kind::Symbol:
    return -1 - size.value;
  case SignatureSize::Kind::FromData:
    return INT64_MIN;
  }
  llvm_unreachable("unknown kind of size");
}

LLVM::GlobalOp EntryConstants::emitSizes(llvm::StringRef name,
                                         const SignatureArgument &argument) {
  if (argument.sizes.empty())
    return {};
  llvm::SmallVector<int64_t> sizes =
      llvm::map_to_vector(argument.sizes, encodeSize);
  int64_t rank = sizes.size();
  return LLVM::GlobalOp::create(
      builder, loc, LLVM::LLVMArrayType::get(i64, rank), /*isConstant=*/true,
      LLVM::Linkage::Internal, name,
      DenseElementsAttr::get(RankedTensorType::get({rank}, i64),
                             llvm::ArrayRef<int64_t>(sizes)));
}

void EntryConstants::setDevice(llvm::StringRef name) {
  device = LLVM::GlobalOp::create(builder, loc, i8, /*isConstant=*/true,
                                  LLVM::Linkage::External, name, Attribute());
}

LLVM::GlobalOp
EntryConstants::emitArguments(llvm::StringRef name,
                              llvm::ArrayRef<SignatureArgument> arguments) {
  if (arguments.empty())
    return {};
  auto type = LLVM::LLVMStructType::getLiteral(
      module.getContext(), {pointer, pointer, i32, i32, i8, i8, i8, i8});
  llvm::SmallVector<LLVM::GlobalOp> names, sizes;
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    names.push_back(getText(argument.name));
    sizes.push_back(
        emitSizes((name + "." + llvm::Twine(index)).str(), argument));
  }
  auto array = LLVM::LLVMArrayType::get(type, arguments.size());
  return emitConstant(name, array, [&](OpBuilder &b) {
    llvm::SmallVector<Value> elements;
    for (auto [argument, name, size] :
         llvm::zip_equal(arguments, names, sizes)) {
      const BoundaryElement &element = *argument.element;
      elements.push_back(
          record(b, type,
                 {address(b, name), address(b, size),
                  integer(b, i32, argument.sizes.size()),
                  integer(b, i32, argument.state.value_or(-1)),
                  integer(b, i8, element.code), integer(b, i8, element.bits),
                  integer(b, i8, argument.byValue),
                  integer(b, i8, argument.calleeAllocated)}));
    }
    return list(b, array, elements);
  });
}

LLVM::GlobalOp EntryConstants::emitSymbols(const Signature &signature) {
  if (signature.symbols.empty())
    return {};
  llvm::SmallVector<LLVM::GlobalOp> names;
  for (const std::string &symbol : signature.symbols)
    names.push_back(getText(symbol));
  auto array = LLVM::LLVMArrayType::get(pointer, names.size());
  return emitConstant("effattn." + signature.function + ".symbols", array,
                      [&](OpBuilder &b) {
                        llvm::SmallVector<Value> elements;
                        for (LLVM::GlobalOp name : names)
                          elements.push_back(address(b, name));
                        return list(b, array, elements);
                      });
}

LLVM::GlobalOp EntryConstants::emitFunction(const Signature &signature,
                                            LLVM::LLVMFuncOp compute,
                                            LLVM::LLVMFuncOp sizes) {
  std::string stem = "effattn." + signature.function;
  LLVM::GlobalOp name = getText(signature.function);
  LLVM::GlobalOp inputs = emitArguments(stem + ".inputs", signature.inputs);
  LLVM::GlobalOp outputs = emitArguments(stem + ".outputs", signature.outputs);
  LLVM::GlobalOp symbols = emitSymbols(signature);
  auto type = LLVM::LLVMStructType::getLiteral(
      module.getContext(),
      {pointer, pointer, pointer, pointer, pointer, pointer, pointer, pointer,
       i32, i32, i32, i32, i32});
  return emitConstant(stem + ".function", type, [&](OpBuilder &b) {
    return record(b, type,
                  {address(b, name), address(b, inputs), address(b, outputs),
                   address(b, symbols), address(b, features),
                   address(b, compute), address(b, sizes), address(b, device),
                   integer(b, i32, signature.inputs.size()),
                   integer(b, i32, signature.outputs.size()),
                   integer(b, i32, signature.symbols.size()),
                   integer(b, i32, signature.inputSymbolCount),
                   integer(b, i32, featureCount)});
  });
}

} // namespace mlir::effattn
