//===- GraphText.cpp - What the nodes of a graph say ----------------------===//
#include "GraphText.h"
#include "effattn/Dialect/AttentionOps.h"
#include "effattn/Dialect/CacheOps.h"
#include "effattn/Dialect/ConceptOps.h"
#include "effattn/Dialect/EmbeddingOps.h"
#include "effattn/Dialect/FeedForwardOps.h"
#include "effattn/Dialect/FusedParts.h"
#include "effattn/Dialect/MaskOps.h"
#include "effattn/Dialect/MemoryOps.h"
#include "effattn/Dialect/NormOps.h"
#include "effattn/Dialect/ShapeSpec.h"
#include "effattn/Dialect/State.h"
#include "effattn/Dialect/Work.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace mlir::effattn;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static SmallVector<StringRef> splitShape(StringRef shape) {
  SmallVector<StringRef> words;
  shape.split(words, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return words;
}

static std::string print(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static std::string
describeShaped(Type type, llvm::function_ref<std::string(unsigned)> nameSize) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank() || isa<VectorType>(type))
    return print(type);
  SmallVector<std::string> sizes;
  for (auto [dim, size] : llvm::enumerate(shaped.getShape()))
    sizes.push_back(ShapedType::isDynamic(size) ? nameSize(dim)
                                                : std::to_string(size));
  return print(shaped.getElementType()) + "[" + llvm::join(sizes, ", ") + "]";
}

std::string effattn::describeType(Type type, StringRef shape) {
  SmallVector<StringRef> words = splitShape(shape);
  return describeShaped(type, [&](unsigned dim) {
    return dim < words.size() ? words[dim].str() : "?";
  });
}

/// The symbol of an argument's size, or nothing.
static std::string nameArgumentSize(BlockArgument argument, unsigned dim) {
  auto function =
      dyn_cast_or_null<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (!function || argument.getOwner() != &function.getFunctionBody().front())
    return "";
  auto shape = function.getArgAttrOfType<StringAttr>(
      argument.getArgNumber(), EffAttnDialect::kShapeAttr);
  SmallVector<StringRef> words =
      splitShape(shape ? shape.getValue() : StringRef());
  return dim < words.size() ? words[dim].str() : "";
}

/// The tensor, and its dimension, whose size `size` is.
static std::pair<Value, unsigned> findTensorOfSize(Value size) {
  auto dim = size ? size.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
  std::optional<int64_t> number = dim ? dim.getConstantIndex() : std::nullopt;
  return {number ? dim.getSource() : Value(), number.value_or(0)};
}

/// The tensor, and its dimension, that this one has the size of; null if that
/// cannot be seen.
static std::pair<Value, unsigned> findSameSize(Value value, unsigned dim) {
  if (Value previous = getPredecessor(value))
    return {previous, dim};
  Operation *op = value.getDefiningOp();
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return findTensorOfSize(empty.getDynamicSize(dim));
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op)) {
    OpFoldResult size = expand.getMixedOutputShape()[dim];
    return findTensorOfSize(dyn_cast<Value>(size));
  }
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op)) {
    ReassociationIndices group = collapse.getReassociationIndices()[dim];
    return {group.size() == 1 ? collapse.getSrc() : Value(), group.front()};
  }
  if (op && op->hasTrait<OpTrait::Elementwise>() && op->getNumOperands())
    for (Value operand : op->getOperands())
      if (operand.getType() == value.getType())
        return {operand, dim};
  return {};
}

static std::string nameSize(Value value, unsigned dim) {
  while (value) {
    auto type = dyn_cast<ShapedType>(value.getType());
    if (!type || !type.hasRank() || dim >= unsigned(type.getRank()))
      return "?";
    if (!type.isDynamicDim(dim))
      return std::to_string(type.getDimSize(dim));
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      std::string symbol = nameArgumentSize(argument, dim);
      return symbol.empty() ? "?" : symbol;
    }
    std::tie(value, dim) = findSameSize(value, dim);
  }
  return "?";
}

std::string effattn::describeType(Value value) {
  return describeShaped(value.getType(),
                        [&](unsigned dim) { return nameSize(value, dim); });
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

static std::string nameOperand(ComputeOpInterface op, unsigned number) {
  for (auto [group, spec] :
       llvm::enumerate(parseShapeSpec(op.getShapeSpec()))) {
    OperandRange values = op.getOperandGroup(group);
    unsigned first = values.getBeginOperandIndex();
    if (number >= first && number < first + values.size())
      return spec.name.str();
  }
  return "";
}

std::string effattn::nameOperand(OpOperand &operand) {
  auto op = dyn_cast<ComputeOpInterface>(operand.getOwner());
  return op ? ::nameOperand(op, operand.getOperandNumber()) : "";
}

std::string effattn::nameResult(OpResult result) {
  auto op = dyn_cast<ComputeOpInterface>(result.getOwner());
  if (!op)
    return "#" + std::to_string(result.getResultNumber());
  unsigned firstInit = op->getNumOperands() - op.getInitCount();
  return ::nameOperand(op, firstInit + result.getResultNumber());
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static std::string describeNumbers(ArrayRef<int64_t> numbers) {
  constexpr size_t shown = 6;
  std::string text = "[";
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(numbers.take_front(shown), stream);
  return text + (numbers.size() > shown ? ", ...]" : "]");
}

/// Empty for what is too long to be read in a node.
static std::string describe(Attribute attribute) {
  constexpr size_t longest = 40;
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto number = dyn_cast<FloatAttr>(attribute))
    stream << llvm::format("%g", number.getValueAsDouble());
  else if (auto numbers = dyn_cast<DenseI64ArrayAttr>(attribute))
    stream << describeNumbers(numbers.asArrayRef());
  else
    attribute.print(stream, /*elideType=*/true);
  // A choice: #effattn.activation<silu>.
  StringRef choice(text);
  if (choice.consume_front("#effattn.") && choice.consume_back(">"))
    return choice.split('<').second.str();
  return text.size() > longest ? "" : text;
}

static bool isForTheParser(StringRef name) {
  return name == "operandSegmentSizes" || name == "resultSegmentSizes";
}

static std::string describeAttributes(Operation *op) {
  SmallVector<std::string> entries;
  for (NamedAttribute attribute : op->getAttrDictionary()) {
    std::string text = describe(attribute.getValue());
    if (!text.empty() && !isForTheParser(attribute.getName()))
      entries.push_back(attribute.getName().str() + " = " + text);
  }
  return llvm::join(entries, ", ");
}

/// At commas, into lines that fit a node.
static void appendWrapped(std::vector<std::string> &lines, StringRef text) {
  constexpr size_t width = 44;
  while (text.size() > width) {
    size_t comma = text.take_front(width).rfind(", ");
    if (comma == StringRef::npos)
      comma = text.find(", ");
    if (comma == StringRef::npos)
      break;
    lines.push_back(text.take_front(comma + 1).str());
    text = text.drop_front(comma + 2);
  }
  if (!text.empty())
    lines.push_back(text.str());
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

static std::string describeMask(Operation *mask) {
  if (!mask)
    return "?";
  SmallVector<std::string> parts;
  for (Value operand : mask->getOperands())
    if (isa<MaskType>(operand.getType()))
      parts.push_back(describeMask(operand.getDefiningOp()));
  auto join = [&](StringRef sign) {
    return "(" + llvm::join(parts, sign) + ")";
  };
  if (isa<MaskAndOp>(mask))
    return parts.size() == 1 ? parts.front() : join(" & ");
  if (isa<MaskOrOp>(mask))
    return parts.size() == 1 ? parts.front() : join(" | ");
  if (isa<MaskNotOp>(mask))
    return "~" + parts.front();
  StringRef name = mask->getName().stripDialect();
  name.consume_back("_mask");
  std::string attributes = describeAttributes(mask);
  return name.str() + (attributes.empty() ? "" : " {" + attributes + "}");
}

static void appendMask(std::vector<std::string> &lines, Operation *op) {
  auto user = dyn_cast<MaskUserOpInterface>(op);
  if (!user || user.getMaskRegion().empty())
    return;
  std::string text = describeMask(user.getRootMask());
  if (StringRef(text).starts_with("(") && StringRef(text).ends_with(")"))
    text = text.substr(1, text.size() - 2);
  appendWrapped(lines, "mask: " + text);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static std::string getShortName(StringRef name) {
  name.consume_front("effattn.");
  return name.str();
}

/// Scalars that are known.
static void appendConstants(std::vector<std::string> &lines,
                            ComputeOpInterface op) {
  for (OpOperand &operand : op->getOpOperands()) {
    Attribute value;
    if (!isa<ShapedType>(operand.get().getType()) &&
        matchPattern(operand.get(), m_Constant(&value)))
      lines.push_back(nameOperand(operand) + " = " + describe(value));
  }
}

static void appendParts(std::vector<std::string> &lines, Operation *op) {
  SmallVector<std::string> parts;
  for (const FusedPart &part : getFusedParts(op->getLoc()))
    parts.push_back(getShortName(part.name) +
                    (part.place.empty() ? "" : " (" + part.place + ")"));
  if (!parts.empty())
    appendWrapped(lines, "made of " + llvm::join(parts, ", "));
}

static std::vector<std::string> describeBody(linalg::LinalgOp op) {
  std::vector<std::string> names;
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!isa<CastOpInterface>(inner) &&
        !inner.hasTrait<OpTrait::ConstantLike>() &&
        !isa<linalg::IndexOp>(inner))
      names.push_back(inner.getName().stripDialect().str());
  return names;
}

static std::string getSymbol(Operation *op) {
  if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op))
    return load.getGlobal().getLeafReference().str();
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
    return load.getGlobal().getLeafReference().str();
  if (auto global = dyn_cast<memref::GetGlobalOp>(op))
    return global.getName().str();
  if (op->hasTrait<OpTrait::ConstantLike>())
    return "constant";
  if (auto call = dyn_cast<CallOpInterface>(op))
    if (auto callee = dyn_cast<SymbolRefAttr>(call.getCallableForCallee()))
      return "call " + callee.getLeafReference().str();
  return "";
}

std::vector<std::string> effattn::describeOp(Operation *op) {
  if (std::string symbol = getSymbol(op); !symbol.empty())
    return {symbol};
  std::vector<std::string> lines{getShortName(nameComputation(op))};
  if (auto compute = dyn_cast<ComputeOpInterface>(op)) {
    appendConstants(lines, compute);
    appendWrapped(lines, describeAttributes(op));
  } else if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    std::vector<std::string> names = describeBody(generic);
    if (names.size() > 1)
      appendWrapped(lines, llvm::join(names, ", "));
  } else if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
    lines.push_back(describeNumbers(transpose.getPermutation()));
  }
  appendMask(lines, op);
  appendParts(lines, op);
  return lines;
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

// One list of ops for each file of definitions: a new op has its color.
StringRef effattn::getColor(Operation *op) {
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/ConceptOps.cpp.inc"
          >(op))
    return "#cfe8cf";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/MemoryOps.cpp.inc"
          >(op))
    return "#fde0c0";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/AttentionOps.cpp.inc"
          >(op))
    return "#dcd4f2";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/NormOps.cpp.inc"
          >(op))
    return "#cdeaea";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/FeedForwardOps.cpp.inc"
          >(op))
    return "#cfe0f5";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/EmbeddingOps.cpp.inc"
          >(op))
    return "#fbf0b8";
  if (isa<
#define GET_OP_LIST
#include "effattn/Dialect/CacheOps.cpp.inc"
          >(op))
    return "#f3d0e0";
  return "#ffffff";
}
