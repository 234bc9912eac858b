//===- Header.cpp - Write the C header of compiled functions --------------===//
#include "effattn/Target/Header.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::effattn {

/// Hands out parameter names: identifiers, and each of them once.
class ParameterNames {
public:
  std::string get(llvm::StringRef wanted) {
    std::string name;
    for (char c : wanted)
      name += llvm::isAlnum(c) || c == '_' ? c : '_';
    if (name.empty() || llvm::isDigit(name.front()))
      name = "_" + name;
    while (!isCIdentifier(name) || !taken.insert(name).second)
      name += '_';
    return name;
  }

private:
  llvm::StringSet<> taken;
};

// A name of the user may contain the ends of a comment.
static std::string inComment(std::string text) {
  for (llvm::StringRef end : {"*/", "/*"})
    for (size_t at; (at = text.find(end)) != std::string::npos;)
      text.insert(at + 1, " ");
  return text;
}

static llvm::SmallVector<std::string>
plainParameters(const Signature &signature) {
  ParameterNames names;
  llvm::SmallVector<std::string> parameters;
  for (const SignatureArgument &input : signature.inputs)
    parameters.push_back(((input.byValue ? "" : "const ") +
                          input.element->cType + (input.byValue ? " " : " *") +
                          names.get(input.name))
                             .str());
  for (const SignatureArgument &output : signature.outputs) {
    std::string name = names.get(output.name);
    parameters.push_back(
        (output.element->cType + (output.calleeAllocated ? " **" : " *") + name)
            .str());
    if (output.calleeAllocated)
      parameters.push_back("int64_t *" + names.get(name + "_sizes"));
  }
  for (const std::string &symbol :
       llvm::ArrayRef(signature.symbols).take_front(signature.inputSymbolCount))
    parameters.push_back("int64_t " + names.get(symbol));
  return parameters;
}

static void writePrototype(llvm::raw_ostream &os, llvm::StringRef name,
                           llvm::ArrayRef<std::string> parameters) {
  constexpr size_t kWidth = 80;
  os << "int " << name << '(';
  size_t column = 5 + name.size(), indent = column;
  if (parameters.empty())
    os << "void";
  for (auto [index, parameter] : llvm::enumerate(parameters)) {
    bool last = index + 1 == parameters.size();
    size_t width = parameter.size() + (last ? 2 : 1);
    if (index && column + 1 + width > kWidth) {
      os << '\n';
      os.indent(indent);
      column = indent;
    } else if (index) {
      os << ' ';
      ++column;
    }
    os << parameter << (last ? "" : ",");
    column += width;
  }
  os << ");\n";
}

static void writeArguments(llvm::raw_ostream &os, const Signature &signature,
                           bool isOutput) {
  const auto &arguments = isOutput ? signature.outputs : signature.inputs;
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    os << " *   " << (isOutput ? "output " : "input ") << index << ": "
       << inComment(argument.name) << " "
       << inComment(signature.getTypeText(argument));
    if (argument.state)
      os << ", the next state of input " << *argument.state
         << ", whose memory it may have";
    if (argument.calleeAllocated)
      os << ", allocated by the function; release its data with free";
    os << '\n';
  }
}

static constexpr llvm::StringLiteral kStreams =
    R"(
 * The functions run on a GPU. Tensors are in the memory of the host, which
 * is copied, or of GPU 0 (kDLCUDA), which is not: their innermost dimension is
 * contiguous, and bytes of booleans are 0 or 1. f_on_stream queues the work on a
 * CUstream and returns before it is done, unless an output is in the memory of
 * the host or the function can fail on its data; f waits. 5: the GPU or its
 * driver cannot go on.)";

// A program may include the headers of several traced modules.
static constexpr llvm::StringLiteral kSpans =
    R"(#ifndef EFFATTN_SPANS
#define EFFATTN_SPANS
/* An op that ran in a call: its name, its place in the source (or ""), when it
 * began and ended in nanoseconds of CLOCK_MONOTONIC, its floating-point
 * operations, and the bytes it reads and writes (-1: not known). */
struct EffattnSpan {
  const char *name, *place;
  int64_t begin, end, flops, bytes;
};

/* Those of this thread's calls, in the order in which they ended. To begin anew,
 * free the list and set everything to 0; 2^20 spans at most are kept, and how
 * many are lost is counted. */
struct EffattnSpans {
  struct EffattnSpan *list;
  int64_t count, capacity, lost;
};
struct EffattnSpans *effattn_spans(void);
#endif

)";

static void writeFunction(llvm::raw_ostream &os, const Signature &signature,
                          bool hasStreams) {
  llvm::StringRef name = signature.function;
  os << "/* " << name << '\n';
  writeArguments(os, signature, /*isOutput=*/false);
  writeArguments(os, signature, /*isOutput=*/true);
  if (name == "main")
    os << " * C keeps the name main for itself: compile with a symbol prefix "
          "to\n * call it over DLPack.\n";
  os << " */\n";
  if (name != "main")
    writePrototype(
        os, name,
        {"const DLTensor *const *inputs", "DLTensor *const *outputs"});
  if (hasStreams)
    writePrototype(os, (name + "_on_stream").str(),
                   {"const DLTensor *const *inputs", "DLTensor *const *outputs",
                    "void *stream"});
  writePrototype(os, (name + "_output_shapes").str(),
                 {"const DLTensor *const *inputs", "int64_t *const *shapes"});
  writePrototype(os, (name + "_plain").str(), plainParameters(signature));
  os << "extern const char " << name << "_signature[];\n\n";
}

static std::string guardName(llvm::StringRef stem) {
  std::string name = "EFFATTN_GENERATED_";
  for (char c : stem)
    name += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return name + "_H";
}

void writeHeader(llvm::raw_ostream &os, llvm::ArrayRef<Signature> signatures,
                 llvm::StringRef stem, llvm::StringRef version,
                 HeaderContent content) {
  std::string guard = guardName(stem);
  os << "/* Functions compiled by effattn " << version << ".\n"
     << R"( *
 * Each returns 0 on success, else 1: an argument is wrong, 2: the data is wrong,
 * 3: out of memory, 4: the CPU lacks a feature; effattn_last_error() says what.
 * Over DLPack tensors may have any strides, outputs positive ones. Outputs are
 * allocated by the caller; f_output_shapes writes the sizes of each, -1 where
 * the data decides. The plain form takes contiguous tensors and the sizes that
 * the shapes name; half and bfloat elements are uint16_t, booleans uint8_t.
 * f_signature is the signature as JSON.)"
     << (content.streams ? kStreams : "") << " */\n#ifndef " << guard
     << "\n#define " << guard << R"(

#include <dlpack/dlpack.h>
#include <stdint.h>

/* DLPack has the type code of booleans since version 0.8. */
#if defined(DLPACK_VERSION) && DLPACK_VERSION < 80 && !defined(kDLBool)
#define kDLBool 6
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong in the last call of this thread, in one sentence. */
const char *effattn_last_error(void);

)" << (content.spans ? kSpans : "");
  for (const Signature &signature : signatures)
    writeFunction(os, signature, content.streams);
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

} // namespace mlir::effattn
