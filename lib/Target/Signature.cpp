//===- Signature.cpp - What a compiled function takes and gives -----------===//
#include "effattn/Target/Signature.h"
#include "effattn/Dialect/EffAttn.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::effattn {

// DLPack's type codes; 6 is bool.
static const BoundaryElement kElements[] = {
    {"bool", "uint8_t", 6, 8},  {"i8", "int8_t", 0, 8},
    {"i16", "int16_t", 0, 16},  {"i32", "int32_t", 0, 32},
    {"i64", "int64_t", 0, 64},  {"ui8", "uint8_t", 1, 8},
    {"f16", "uint16_t", 2, 16}, {"bf16", "uint16_t", 4, 16},
    {"f32", "float", 2, 32},    {"f64", "double", 2, 64}};

const BoundaryElement *getBoundaryElement(Type type) {
  std::string name;
  llvm::raw_string_ostream os(name);
  if (type.isInteger(1))
    os << "bool";
  else if (type.isIndex())
    os << "i64";
  else
    os << type;
  auto *found = llvm::find_if(
      kElements, [&](const BoundaryElement &e) { return e.name == name; });
  return found == std::end(kElements) ? nullptr : found;
}

std::string Signature::getTypeText(const SignatureArgument &argument) const {
  std::string text = (argument.element->name + "[").str();
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(argument.sizes, os, [&](const SignatureSize &size) {
    if (size.kind == SignatureSize::Kind::Static)
      os << size.value;
    else if (size.kind == SignatureSize::Kind::Symbol)
      os << symbols[size.value];
    else
      os << '?';
  });
  os << ']';
  return text;
}

bool isCIdentifier(llvm::StringRef name) {
  static const llvm::StringSet<> keywords = {
#define WORDS                                                                  \
  "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor",     \
      "bool", "break", "case", "catch", "char", "class", "compl", "concept",   \
      "const", "consteval", "constexpr", "constinit", "const_cast",            \
      "continue", "co_await", "co_return", "co_yield", "decltype", "default",  \
      "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",    \
      "export", "extern", "false", "float", "for", "friend", "goto", "if",     \
      "inline", "int", "long", "mutable", "namespace", "new", "noexcept",      \
      "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",        \
      "protected", "public", "register", "reinterpret_cast", "requires",       \
      "restrict", "return", "short", "signed", "sizeof", "static",             \
      "static_assert", "static_cast", "struct", "switch", "template", "this",  \
      "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", \
      "typeof", "typeof_unqual", "union", "unsigned", "using", "virtual",      \
      "void", "volatile", "wchar_t", "while", "xor", "xor_eq"
      WORDS};
#undef WORDS
  if (name.empty() || llvm::isDigit(name.front()) || keywords.contains(name))
    return false;
  return llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

namespace {
/// Reads one attribute; the first fault is reported at the function.
class Parser {
public:
  explicit Parser(Operation *function) : function(function) {}
  FailureOr<Signature> parse();

private:
  InFlightDiagnostic fault(const SignatureArgument *argument = nullptr) {
    InFlightDiagnostic diagnostic = function->emitOpError()
                                    << '\'' << EffAttnDialect::kSignatureAttr
                                    << "': ";
    if (argument)
      diagnostic << place << " '" << argument->name << "': ";
    else if (!place.empty())
      diagnostic << place << ": ";
    return diagnostic;
  }
  LogicalResult parseList(DictionaryAttr dictionary, llvm::StringRef key,
                          std::vector<SignatureArgument> &list);
  LogicalResult parseArgument(Attribute attribute, bool isOutput,
                              SignatureArgument &argument);
  LogicalResult parseSize(Attribute attribute, bool isOutput,
                          SignatureArgument &argument);
  LogicalResult checkState(const SignatureArgument &output);

  Operation *function;
  Signature signature;
  std::string place; // `input 1`
};
} // namespace

LogicalResult Parser::parseSize(Attribute attribute, bool isOutput,
                                SignatureArgument &argument) {
  if (auto integer = dyn_cast<IntegerAttr>(attribute)) {
    if (integer.getInt() < 0)
      return fault(&argument)
             << "expected sizes that are not negative, but got "
             << integer.getInt();
    argument.sizes.push_back({SignatureSize::Kind::Static, integer.getInt()});
    return success();
  }
  auto text = dyn_cast<StringAttr>(attribute);
  if (!text || text.empty())
    return fault(&argument)
           << "expected every size to be an integer or a symbol, but got "
           << attribute;
  if (text.getValue() == "?") {
    if (!isOutput)
      return fault(&argument) << "expected every size of an input to be known "
                                 "or a symbol, but got \"?\"";
    argument.sizes.push_back({SignatureSize::Kind::FromData});
    return success();
  }
  auto found = llvm::find(signature.symbols, text.getValue());
  argument.sizes.push_back({SignatureSize::Kind::Symbol,
                            std::distance(signature.symbols.begin(), found)});
  if (found == signature.symbols.end())
    signature.symbols.push_back(text.str());
  return success();
}

LogicalResult Parser::parseArgument(Attribute attribute, bool isOutput,
                                    SignatureArgument &argument) {
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  if (!dictionary)
    return fault() << "expected a dictionary, but got " << attribute;
  auto name = dictionary.getAs<StringAttr>("name");
  if (!name || name.empty())
    return fault() << "expected a name";
  argument.name = name.str();
  for (NamedAttribute entry : dictionary)
    if (!llvm::is_contained({"name", "element", "sizes", "by_value",
                             "callee_allocated", "state"},
                            entry.getName().getValue()))
      return fault(&argument) << "unknown key " << entry.getName();

  auto element = dictionary.getAs<TypeAttr>("element");
  if (!element)
    return fault(&argument) << "expected an element type";
  argument.element = getBoundaryElement(element.getValue());
  if (!argument.element)
    return fault(&argument)
           << "expected an element type with a counterpart in DLPack, but got "
           << element.getValue();

  auto sizes = dictionary.getAs<ArrayAttr>("sizes");
  if (!sizes)
    return fault(&argument) << "expected an array of sizes";
  if (static_cast<int64_t>(sizes.size()) > kMaxArgumentRank)
    return fault(&argument) << "expected a rank of at most " << kMaxArgumentRank
                            << ", but got " << sizes.size();
  for (Attribute size : sizes)
    if (failed(parseSize(size, isOutput, argument)))
      return failure();

  argument.byValue = static_cast<bool>(dictionary.get("by_value"));
  argument.calleeAllocated =
      static_cast<bool>(dictionary.get("callee_allocated"));
  if (argument.byValue && (isOutput || !argument.sizes.empty()))
    return fault(&argument) << "only an input of rank 0 can be 'by_value'";
  bool fromData = llvm::any_of(argument.sizes, [](const SignatureSize &size) {
    return size.kind == SignatureSize::Kind::FromData;
  });
  if (argument.calleeAllocated != fromData)
    return fault(&argument) << "an output is 'callee_allocated' exactly when "
                               "one of its sizes is \"?\"";
  if (Attribute state = dictionary.get("state")) {
    auto index = dyn_cast<IntegerAttr>(state);
    if (!isOutput || !index)
      return fault(&argument)
             << "expected 'state' to be the index of an input, on an output";
    argument.state = index.getInt();
    return checkState(argument);
  }
  return success();
}

// The implementation works on the output's memory where it expects the input.
LogicalResult Parser::checkState(const SignatureArgument &output) {
  int64_t index = *output.state;
  if (index < 0 || index >= static_cast<int64_t>(signature.inputs.size()))
    return fault(&output) << "there is no input " << index
                          << " that it could succeed";
  const SignatureArgument &input = signature.inputs[index];
  if (input.byValue)
    return fault(&output) << "cannot succeed input " << index << " '"
                          << input.name << "', which is passed by value";
  if (input.element != output.element || input.sizes != output.sizes)
    return fault(&output) << "expected the type of the state it succeeds, "
                          << signature.getTypeText(input) << ", but got "
                          << signature.getTypeText(output);
  for (const SignatureArgument &other : signature.outputs)
    if (&other != &output && other.state == index)
      return fault(&output) << "succeeds input " << index << " '" << input.name
                            << "' as output '" << other.name << "' does";
  return success();
}

LogicalResult Parser::parseList(DictionaryAttr dictionary, llvm::StringRef key,
                                std::vector<SignatureArgument> &list) {
  auto array = dictionary.getAs<ArrayAttr>(key);
  if (!array)
    return fault() << "expected an array '" << key << '\'';
  for (auto [index, attribute] : llvm::enumerate(array)) {
    place = (key.drop_back() + " " + llvm::Twine(index)).str();
    list.emplace_back();
    if (failed(parseArgument(attribute, key == "outputs", list.back())))
      return failure();
  }
  place.clear();
  return success();
}

FailureOr<Signature> Parser::parse() {
  auto name =
      function->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
  if (!name || !isCIdentifier(name.getValue())) {
    function->emitOpError("expected the name of a public function to be an "
                          "identifier of C, but got ")
        << name;
    return failure();
  }
  signature.function = name.str();
  auto dictionary =
      function->getAttrOfType<DictionaryAttr>(EffAttnDialect::kSignatureAttr);
  if (!dictionary) {
    fault() << "expected a dictionary";
    return failure();
  }
  if (failed(parseList(dictionary, "inputs", signature.inputs)))
    return failure();
  signature.inputSymbolCount = signature.symbols.size();
  if (failed(parseList(dictionary, "outputs", signature.outputs)))
    return failure();
  return signature;
}

FailureOr<Signature> parseSignature(Operation *function) {
  return Parser(function).parse();
}

FailureOr<std::vector<Signature>> collectSignatures(ModuleOp module) {
  std::vector<Signature> signatures;
  for (Operation &op : module.getOps()) {
    if (!op.hasAttr(EffAttnDialect::kSignatureAttr))
      continue;
    FailureOr<Signature> signature = parseSignature(&op);
    if (failed(signature))
      return failure();
    signatures.push_back(std::move(*signature));
  }
  return signatures;
}

static llvm::json::Array
argumentsToJson(const Signature &signature,
                llvm::ArrayRef<SignatureArgument> arguments) {
  llvm::json::Array list;
  for (const SignatureArgument &argument : arguments) {
    llvm::json::Array shape;
    for (const SignatureSize &size : argument.sizes) {
      if (size.kind == SignatureSize::Kind::Static)
        shape.push_back(size.value);
      else if (size.kind == SignatureSize::Kind::Symbol)
        shape.push_back(llvm::json::fixUTF8(signature.symbols[size.value]));
      else
        shape.push_back("?");
    }
    llvm::json::Object object{{"name", llvm::json::fixUTF8(argument.name)},
                              {"type", argument.element->name},
                              {"shape", std::move(shape)}};
    if (argument.byValue)
      object["by_value"] = true;
    if (argument.calleeAllocated)
      object["callee_allocated"] = true;
    if (argument.state)
      object["state"] = *argument.state;
    list.push_back(std::move(object));
  }
  return list;
}

llvm::json::Object signatureToJson(const Signature &signature) {
  return llvm::json::Object{
      {"name", signature.function},
      {"inputs", argumentsToJson(signature, signature.inputs)},
      {"outputs", argumentsToJson(signature, signature.outputs)}};
}

void writeSignatures(llvm::raw_ostream &os,
                     llvm::ArrayRef<Signature> signatures,
                     const BuildDescription &build) {
  llvm::json::Array functions;
  for (const Signature &signature : signatures)
    functions.push_back(signatureToJson(signature));
  llvm::json::Value root =
      llvm::json::Object{{"effattn", build.version},
                         {"triple", build.triple},
                         {"cpu", build.cpu},
                         {"threads", build.threads},
                         {"functions", std::move(functions)}};
  os << llvm::formatv("{0:2}", root) << '\n';
}

} // namespace mlir::effattn
