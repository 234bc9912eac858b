//===- EffAttnDialect.cpp - Registration and attributes of functions ------===//
#include "BytecodeVersion.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/Bufferization.h"
#include "effattn/Dialect/CacheOps.h"
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/MaskOps.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Dialect/NormOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::effattn;

#include "effattn/Dialect/EffAttnDialect.cpp.inc"
#include "effattn/Dialect/EffAttnEnums.cpp.inc"
#include "effattn/Dialect/EffAttnInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "effattn/Dialect/EffAttnTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "effattn/Dialect/EffAttnAttributes.cpp.inc"

namespace {
/// Every op may be inlined anywhere; without this `-inline` keeps calls.
struct EffAttnInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void EffAttnDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "effattn/Dialect/EffAttnTypes.cpp.inc"
      >();
}

void EffAttnDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "effattn/Dialect/EffAttnAttributes.cpp.inc"
      >();
}

void EffAttnDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/CoreOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/ConceptOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/MemoryOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/MaskOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/AttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/NormOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/FeedForwardOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/EmbeddingOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "effattn/Dialect/CacheOps.cpp.inc"
      >();
}

void EffAttnDialect::initialize() {
  registerTypes();
  registerAttributes();
  registerOps();
  addInterfaces<EffAttnInlinerInterface>();
  addBytecodeVersion(*this);
}

/// `effattn.shape` has one word per dimension of the tensor it describes.
static LogicalResult verifyBoundaryAttribute(Operation *op, Type type,
                                             NamedAttribute attribute,
                                             const Twine &place) {
  StringRef name = attribute.getName();
  auto text = dyn_cast<StringAttr>(attribute.getValue());
  if (name != EffAttnDialect::kNameAttr && name != EffAttnDialect::kShapeAttr)
    return op->emitError() << "unknown attribute '" << name << "' on " << place
                           << "; expected " << EffAttnDialect::kNameAttr
                           << " or " << EffAttnDialect::kShapeAttr;
  if (!text)
    return op->emitError() << "expected attribute '" << name << "' on " << place
                           << " to be a string, but got "
                           << attribute.getValue();
  if (name == EffAttnDialect::kNameAttr) {
    bool isIdentifier =
        !text.empty() &&
        (llvm::isAlpha(text.strref()[0]) || text.strref()[0] == '_') &&
        llvm::all_of(text.strref(),
                     [](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (!isIdentifier)
      return op->emitError()
             << "expected attribute '" << name << "' on " << place
             << " to be a C identifier, but got " << text;
    return success();
  }
  auto shaped = dyn_cast<ShapedType>(type);
  SmallVector<StringRef> words;
  text.strref().split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  int64_t rank = shaped && shaped.hasRank() ? shaped.getRank() : 0;
  if (int64_t(words.size()) != rank)
    return op->emitError() << "expected attribute '" << name << "' on " << place
                           << " to have " << rank
                           << " words, one a dimension, but got " << text;
  for (auto [dim, word] : llvm::enumerate(words)) {
    int64_t size;
    bool isNumber = !word.getAsInteger(10, size);
    if (!isNumber && !llvm::isAlpha(word[0]))
      return op->emitError()
             << "expected attribute '" << name << "' on " << place
             << " to hold sizes and names, but got '" << word << "'";
    if (isNumber && !shaped.isDynamicDim(dim) && shaped.getDimSize(dim) != size)
      return op->emitError() << "expected attribute '" << name << "' on "
                             << place << " to agree with " << type << " in dim "
                             << dim << ", but got " << size;
  }
  return success();
}

LogicalResult EffAttnDialect::verifyOperationAttribute(Operation *op,
                                                       NamedAttribute attr) {
  if (attr.getName() != kSignatureAttr)
    return op->emitError() << "unknown attribute '" << attr.getName() << "'";
  if (!isa<DictionaryAttr>(attr.getValue()) || !isa<FunctionOpInterface>(op))
    return op->emitError() << "expected attribute '" << kSignatureAttr
                           << "' to be a dictionary on a function";
  return success();
}

LogicalResult EffAttnDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                       unsigned index,
                                                       NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "unexpected attribute '" << attr.getName() << "'";
  return verifyBoundaryAttribute(op, function.getArgumentTypes()[index], attr,
                                 "argument " + Twine(index));
}

LogicalResult EffAttnDialect::verifyRegionResultAttribute(Operation *op,
                                                          unsigned,
                                                          unsigned index,
                                                          NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "unexpected attribute '" << attr.getName() << "'";
  return verifyBoundaryAttribute(op, function.getResultTypes()[index], attr,
                                 "result " + Twine(index));
}
