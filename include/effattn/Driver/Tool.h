//===- Tool.h - What the tools have in common -----------------------------===//
#ifndef EFFATTN_DRIVER_TOOL_H
#define EFFATTN_DRIVER_TOOL_H

#include "effattn/Driver/Compiler.h"
#include "effattn/Driver/Limits.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace mlir::effattn {

/// Exit codes of the tools.
enum ExitCode { Done = 0, Failed = 1, BadCommandLine = 2 };

/// Prints `effattn-compile: sentence` and returns the code.
int fail(const llvm::Twine &sentence, int code = Failed);
int fail(llvm::Error error, int code = Failed);

/// The options that a tool shows in its help.
llvm::cl::OptionCategory &getToolCategory();

/// Reads the command line and runs the tool. Whatever the input does to the
/// compiler, the tool ends with a sentence and an exit code: it runs on a large
/// stack, and a crash is caught.
int runTool(int argc, char **argv, llvm::StringRef overview,
            llvm::function_ref<int()> run);

/// The options of the compiler that several tools have. Make it in `main`,
/// before all other options of the tool: it removes those that came with LLVM's
/// libraries.
class CompilerFlags {
public:
  /// `program` is the tool's argv[0].
  explicit CompilerFlags(const char *program);
  /// The options, or a sentence about one that is wrong.
  llvm::Expected<CompilerOptions> read() const;

private:
  bool alone;

public:
  llvm::cl::opt<std::string> cpu, threads, lowering, tiling, optimization;
  llvm::cl::opt<bool> gpuTf32;

private:
  LimitFlags limits;
};

/// Refuses a value that is none of the choices, naming them.
llvm::Error checkChoice(llvm::StringRef option, llvm::StringRef value,
                        llvm::ArrayRef<llvm::StringRef> choices);

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_TOOL_H
