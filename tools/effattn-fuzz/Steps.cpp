//===- Steps.cpp - What the fuzzer does with IR ---------------------------===//
#include "Steps.h"
#include "effattn/Pipelines/Pipelines.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace mlir;
using namespace mlir::effattn;

unsigned fuzz::errorsSaid = 0;

void fuzz::report(const Twine &sentence) {
  llvm::errs() << "effattn-fuzz: " << sentence << '\n';
  std::abort();
}

//===----------------------------------------------------------------------===//
// What is run
//===----------------------------------------------------------------------===//

static constexpr llvm::StringLiteral kFlags[] = {
#include "PassFlags.inc"
};

namespace {
struct Pipeline {
  StringRef name;
  TargetKind target;
  bool tuned;
};
} // namespace

static constexpr Pipeline kPipelines[] = {
    {"cpu", TargetKind::Cpu, true},
    {"cpu-linalg", TargetKind::Cpu, false},
    {"nvptx", TargetKind::Nvptx, true},
    {"nvptx-emulated", TargetKind::NvptxEmulated, true}};

ArrayRef<std::string> fuzz::getRuns() {
  static const std::vector<std::string> runs = [] {
    std::vector<std::string> names(std::begin(kFlags), std::end(kFlags));
    for (const Pipeline &pipeline : kPipelines)
      for (const Stage &stage : getStages(pipeline.target))
        names.push_back((pipeline.name + "/" + stage.name).str());
    return names;
  }();
  return runs;
}

StringRef fuzz::getRun(StringRef text) {
  StringRef line = text.take_until([](char c) { return c == '\n'; });
  return line.consume_front("// run: ") ? line.trim() : StringRef();
}

/// The passes of a pipeline in text, each with its options.
static std::vector<std::string> splitPasses(const std::string &text) {
  std::vector<std::string> passes;
  unsigned depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (StringRef("{(").contains(text[i]))
      ++depth;
    if (StringRef("})").contains(text[i]))
      --depth;
    if (text[i] != ',' || depth > 0)
      continue;
    passes.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  passes.push_back(text.substr(start));
  return passes;
}

/// One pass after the other, as text; empty if `run` is not a name of these.
static std::vector<std::string> listPasses(StringRef run) {
  StringRef pipelineName, stageName;
  std::tie(pipelineName, stageName) = run.split('/');
  const auto *pipeline = llvm::find_if(kPipelines, [&](const Pipeline &some) {
    return some.name == pipelineName;
  });
  if (pipeline == std::end(kPipelines)) {
    StringRef flag = run.take_until([](char c) { return c == '{'; });
    return llvm::is_contained(kFlags, flag) ? std::vector{run.str()}
                                            : std::vector<std::string>();
  }
  PipelineOptions options;
  options.target = pipeline->target;
  options.tuned = pipeline->tuned;
  options.openmp = pipeline->target == TargetKind::Cpu;
  options.cpuFeatures = {"avx2", "fma"};
  std::vector<std::string> passes;
  for (const Stage &stage : getStages(options.target)) {
    for (std::string &pass : splitPasses(stage.passes(options)))
      if (!pass.empty())
        passes.push_back(std::move(pass));
    if (stage.name == stageName)
      return passes;
  }
  return {};
}

/// False where the text is no pass with options.
static bool addPass(PassManager &manager, StringRef text) {
  std::string nested = ("func.func(" + text + ")").str();
  llvm::raw_null_ostream silent;
  return succeeded(parsePassPipeline(text, manager, silent)) ||
         succeeded(parsePassPipeline(nested, manager, silent));
}

void fuzz::runPasses(ModuleOp module, StringRef run) {
  for (const std::string &text : listPasses(run)) {
    PassManager manager(module.getContext());
    manager.enableVerifier(false);
    if (!addPass(manager, text))
      return;
    bool isOurs = StringRef(text).starts_with("effattn-");
    unsigned before = errorsSaid;
    if (failed(manager.run(module))) {
      if (isOurs && errorsSaid == before)
        report(text + " failed without an error");
      return;
    }
    if (failed(verify(module))) {
      if (isOurs)
        report(text + " made IR that does not verify");
      return;
    }
  }
}

//===----------------------------------------------------------------------===//
// Round trips
//===----------------------------------------------------------------------===//

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

static void checkAgain(ModuleOp module, StringRef written, StringRef what) {
  ParserConfig config(module.getContext());
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(written, config);
  if (!again)
    fuzz::report("a module was written as " + what + " that is not read");
  std::string before = print(module), after = print(*again);
  // A context keeps resources under their names: read again, they have others,
  // whether their data is there or not.
  bool isRenamed = StringRef(before).contains("dense_resource<");
  if (before != after && !isRenamed)
    fuzz::report("a module changes through " + what + ":\n" + before +
                 "\nbecomes\n" + after);
}

void fuzz::checkRoundTrips(ModuleOp module) {
  checkAgain(module, print(module), "text");
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (failed(writeBytecodeToFile(module, stream)))
    report("a module is not written as bytecode");
  checkAgain(module, bytes, "bytecode");
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

static bool isModest(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !shaped.hasRank())
    return true;
  // Vectors are unrolled, tensors are folded.
  double most = isa<VectorType>(type) ? 1 << 10 : 1 << 20, elements = 1;
  for (int64_t size : shaped.getShape())
    elements *= ShapedType::isDynamic(size) ? 1 : double(size);
  return elements <= most && shaped.getRank() <= 8;
}

static bool isModest(Operation *op) {
  bool isKnown =
      llvm::StringSwitch<bool>(op->getName().getDialectNamespace())
          .Cases({"arith", "bufferization", "builtin", "cf", "effattn", "func"},
                 true)
          .Cases({"gpu", "linalg", "llvm", "math", "memref", "scf"}, true)
          .Cases({"tensor", "ub", "vector"}, true)
          .Default(false);
  auto isSmall = [](Type type) { return isModest(type); };
  return isKnown && llvm::all_of(op->getOperandTypes(), isSmall) &&
         llvm::all_of(op->getResultTypes(), isSmall);
}

bool fuzz::isModest(ModuleOp module) {
  unsigned left = 400;
  return !module
              .walk([&](Operation *op) {
                return ::isModest(op) && left-- > 0 ? WalkResult::advance()
                                                    : WalkResult::interrupt();
              })
              .wasInterrupted();
}
