//===- Tool.cpp - What the tools have in common ---------------------------===//
#include "effattn/Driver/Tool.h"
#include "effattn/Driver/LargeStack.h"
#include "effattn/Target/EmitFile.h"
#include "effattn/Target/Version.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"

#include <csignal>
#include <unistd.h>

using namespace llvm;
using namespace mlir::effattn;

static std::string toolName = "effattn";

int mlir::effattn::fail(const Twine &sentence, int code) {
  errs() << toolName << ": " << sentence << '\n';
  return code;
}

int mlir::effattn::fail(Error error, int code) {
  return fail(toString(std::move(error)), code);
}

cl::OptionCategory &mlir::effattn::getToolCategory() {
  static cl::OptionCategory category("Options");
  return category;
}

Error mlir::effattn::checkChoice(StringRef option, StringRef value,
                                 ArrayRef<StringRef> choices) {
  if (is_contained(choices, value))
    return Error::success();
  std::string list = join(choices.drop_back(), ", ");
  return createStringError(inconvertibleErrorCode(),
                           option + ": expected " + list + " or " +
                               choices.back() + ", but got '" + value + "'");
}

/// LLVM's libraries bring thousands of options of their own, some under names
/// that the tools use.
static bool removeForeignOptions() {
  SmallVector<cl::Option *> foreign;
  for (const auto &entry : cl::getRegisteredOptions())
    if (!is_contained({"help", "version"}, entry.first))
      foreign.push_back(entry.second);
  for (cl::Option *option : foreign)
    option->removeArgument();
  return true;
}

CompilerFlags::CompilerFlags(const char *program)
    : alone(removeForeignOptions()),
      cpu("cpu", cl::value_desc("name"), cl::cat(getToolCategory()),
          cl::desc("CPU to compile for: native, x86-64-v3, ...; 'help' lists "
                   "the names (default: native)")),
      threads("threads", cl::value_desc("openmp|none"), cl::init("openmp"),
              cl::cat(getToolCategory()),
              cl::desc("How parallel loops run (default: openmp)")),
      lowering("lowering", cl::value_desc("tuned|linalg"), cl::init("tuned"),
               cl::cat(getToolCategory()),
               cl::desc("linalg: no tuned expansions of hot ops (default: "
                        "tuned)")),
      tiling("tiling", cl::value_desc("name:number,...|file.json"),
             cl::cat(getToolCategory()),
             cl::desc("Sizes of caches and blocks of tuned code, which "
                      "--report lists and 'python -m effattn tune' measures "
                      "(default: a cost model's)")),
      optimization("O", cl::value_desc("0|1|2|3"), cl::Prefix, cl::init("3"),
                   cl::cat(getToolCategory()),
                   cl::desc("How hard LLVM optimizes (default: 3)")),
      gpuTf32("gpu-tf32", cl::cat(getToolCategory()),
              cl::desc("Kernels of a GPU multiply f32 on tensor cores, rounded "
                       "to tf32: attention, products of matrices and "
                       "feed-forward layers (default: in f32)")),
      limits(program, getToolCategory()) {}

Expected<CompilerOptions> CompilerFlags::read() const {
  if (Error error = checkChoice("--threads", threads, {"openmp", "none"}))
    return error;
  if (Error error = checkChoice("--lowering", lowering, {"tuned", "linalg"}))
    return error;
  if (Error error = checkChoice("-O", optimization, {"0", "1", "2", "3"}))
    return error;
  CompilerOptions options;
  options.machine.cpu = cpu;
  options.machine.optimization = optimization[0] - '0';
  options.openmp = threads == "openmp";
  options.tuned = lowering == "tuned";
  options.gpuTf32 = gpuTf32;
  auto entries = readTiling(tiling);
  if (!entries)
    return createStringError(inconvertibleErrorCode(),
                             "--tiling: " + toString(entries.takeError()));
  options.tiling = std::move(*entries);
  return options;
}

//===----------------------------------------------------------------------===//
// Running safely
//===----------------------------------------------------------------------===//

/// LLVM calls it where it cannot go on; without it, LLVM would abort.
static void reportFatalError(void *, const char *reason, bool) {
  fail(Twine("internal error: ") + reason);
  removeTemporaries();
  ::_exit(Failed);
}

/// A handler that is to see a stack overflow needs a stack of its own. Gives
/// the one it had: the thread's creator may give that back with the thread, as
/// AddressSanitizer does.
static stack_t giveSignalsAStack() {
  static char memory[256 * 1024];
  stack_t stack = {}, former = {};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  ::sigaltstack(&stack, &former);
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    struct sigaction action;
    ::sigaction(number, nullptr, &action);
    action.sa_flags |= SA_ONSTACK;
    ::sigaction(number, &action, nullptr);
  }
  return former;
}

static int runGuarded(function_ref<int()> run) {
  stack_t former = giveSignalsAStack();
  CrashRecoveryContext guard;
  int code = Failed;
  if (guard.RunSafely([&] { code = run(); })) {
    ::sigaltstack(&former, nullptr);
    return code;
  }
  endIfOutOfMemory();
  fail("internal error: the compiler crashed (" +
       Twine(guard.RetCode > 128
                 ? "signal " + std::to_string(guard.RetCode - 128)
                 : "exit code " + std::to_string(guard.RetCode)) +
       "); input that nests too deeply does that, anything else is worth a "
       "report; nothing was written");
  // What the crash left behind is in no state to be destroyed.
  removeTemporaries();
  ::_exit(Failed);
}

static bool parseCommandLine(int argc, char **argv, StringRef overview) {
  std::string text;
  raw_string_ostream stream(text);
  if (cl::ParseCommandLineOptions(argc, argv, overview, &stream))
    return true;
  errs() << StringRef(text).rtrim() << '\n';
  return false;
}

int mlir::effattn::runTool(int argc, char **argv, StringRef overview,
                           function_ref<int()> run) {
  toolName = sys::path::filename(argv[0]).str();
  argv[0] = toolName.data(); // for the messages of the parser
  setVersionPrinter(toolName);
  install_fatal_error_handler(reportFatalError);
  CrashRecoveryContext::Enable();
  int code = BadCommandLine;
  // The command line limits memory, which is not to count the stack.
  runOnLargeStack([&] {
    if (parseCommandLine(argc, argv, overview))
      code = runGuarded(run);
  });
  // Lost output is a failure, not a fatal error of LLVM.
  outs().flush();
  if (outs().has_error()) {
    std::error_code reason = outs().error();
    outs().clear_error();
    return fail("cannot write standard output: " + describe(reason));
  }
  return code;
}
