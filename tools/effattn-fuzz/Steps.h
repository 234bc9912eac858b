//===- Steps.h - What the fuzzer does with IR -----------------------------===//
#ifndef EFFATTN_TOOLS_FUZZ_STEPS_H
#define EFFATTN_TOOLS_FUZZ_STEPS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::effattn::fuzz {

/// What the first line of an input may ask for, as `// run: NAME`: the flag of
/// a pass of the project, or a stage of a pipeline with those before it
/// (`cpu/mlir-loops`).
llvm::ArrayRef<std::string> getRuns();

/// The NAME in the first line, nothing if there is none.
llvm::StringRef getRun(llvm::StringRef text);

/// Ends the process with a sentence: libFuzzer keeps the input.
[[noreturn]] void report(const llvm::Twine &sentence);

/// A module as text and as bytecode is the same module.
void checkRoundTrips(ModuleOp module);

/// Whether passes may be given the module: it is small, its ops are of dialects
/// that the project's passes speak of, and no type of it has so many elements
/// that unrolling or folding them takes more than a moment.
bool isModest(ModuleOp module);

/// Runs passes one by one. Each of the project's either makes IR that verifies,
/// or fails and says why; where one of MLIR's own does neither, the rest of the
/// passes is left out.
void runPasses(ModuleOp module, llvm::StringRef run);

/// Errors that were said since the context was made.
extern unsigned errorsSaid;

} // namespace mlir::effattn::fuzz

#endif // EFFATTN_TOOLS_FUZZ_STEPS_H
