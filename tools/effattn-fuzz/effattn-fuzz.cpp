//===- effattn-fuzz.cpp - Search for input that breaks the compiler -------===//
//
// A target of libFuzzer, which brings `main`. An input is text or bytecode. It
// is parsed and verified, written and read again, and given to the passes that
// its first line names. What is refused with a sentence is right.
//
//===----------------------------------------------------------------------===//
#include "Steps.h"
#include "effattn/Pipelines/Pipelines.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::effattn;

/// A context keeps every type and attribute that it has seen, and takes
/// milliseconds to make: one serves some inputs.
static MLIRContext &getContext() {
  static std::unique_ptr<MLIRContext> context;
  static unsigned uses = 0;
  if (context && ++uses % 256 != 0)
    return *context;
  registerEveryPass();
  DialectRegistry registry;
  registerEverything(registry);
  context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->getDiagEngine().registerHandler([](Diagnostic &diagnostic) {
    fuzz::errorsSaid += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return success();
  });
  return *context;
}

/// MLIR is built without AddressSanitizer, so memory that our code poisons in
/// an arena shared with it stays poisoned when MLIR hands it out again.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef input(reinterpret_cast<const char *>(data), size);
  ParserConfig config(&getContext());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(input),
                             llvm::SMLoc());
  unsigned before = fuzz::errorsSaid;
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, config);
  if (!module) {
    if (fuzz::errorsSaid == before)
      fuzz::report("input is refused without an error");
    return 0;
  }
  fuzz::checkRoundTrips(*module);
  if (fuzz::isModest(*module))
    fuzz::runPasses(*module, fuzz::getRun(input));
  return 0;
}
