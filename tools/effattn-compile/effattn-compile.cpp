//===- effattn-compile.cpp - Compile IR to objects, libraries, text -------===//
#include "effattn/Driver/Tool.h"
#include "effattn/Target/EmitFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mlir::effattn;

static constexpr char overview[] =
    R"(the compiler of effattn: functions on tensors to machine code

Compiles MLIR, text or bytecode. Every public function f becomes the C function
  int f(const DLTensor *const *inputs, DLTensor *const *outputs);
)";

static constexpr char examples[] = R"text(
Examples:
  effattn-compile model.mlir -o model.o            an object, model.h, model.json
  effattn-compile model.mlir -o libmodel.so        a shared library
  effattn-compile model.mlir --emit=mlir-linalg    look at a stage
  effattn-compile model.mlir -o model.s --cpu=x86-64-v3 --threads=none
  effattn-compile - -o model.o --triple=aarch64-linux-gnu < model.mlir
  effattn-opt model.mlir "$(effattn-compile --print-pipeline)"

Stages of --emit, in order:
)text";

static std::string describeStages() {
  std::string text = examples;
  raw_string_ostream stream(text);
  for (const OutputKindInfo &info : getOutputKinds())
    stream << format("  %-12s %-7s ", info.name.data(), info.extension.data())
           << info.description << '\n';
  stream << "Text goes to standard output when there is no -o.\n\n";
  return text;
}

namespace {
struct Flags : CompilerFlags {
  using CompilerFlags::CompilerFlags;
  using Text = cl::opt<std::string>;
  cl::cat ours{getToolCategory()};

  Text input{cl::Positional, cl::desc("<input.mlir, or - for standard input>"),
             ours};
  Text output{"o", cl::value_desc("file"), ours,
              cl::desc("Where to write, - for standard output; its ending "
                       "chooses the stage")};
  Text emit{"emit", cl::value_desc("stage"), ours,
            cl::desc("The stage to stop at (default: obj)")};
  Text from{"from", cl::value_desc("stage"), ours,
            cl::desc("The stage that the input is the result of, such as "
                     "mlir-loops (default: none)")};
  Text target{"target", cl::value_desc("cpu|nvptx|nvptx-emulated"),
              cl::init("cpu"), ours,
              cl::desc("Kind of machine to compile for; kernels of "
                       "nvptx-emulated run on the host (default: cpu)")};
  Text gpu{"gpu", cl::value_desc("sm_80|..."), cl::init("sm_80"), ours,
           cl::desc("GPU to compile for with --target=nvptx (default: sm_80)")};
  Text triple{"triple", cl::value_desc("triple"), ours,
              cl::desc("Cross-compile, for instance to aarch64-linux-gnu")};
  Text symbolPrefix{"symbol-prefix", cl::value_desc("P"), ours,
                    cl::desc("Put P before every exported name")};
  Text remarks{"remarks", cl::value_desc("passes"), cl::ValueOptional, ours,
               cl::desc("Say which fusions and expansions were done or missed, "
                        "and why; those of passes whose names the regular "
                        "expression matches (default: none; without a value, "
                        "all)")};
  cl::opt<bool> report{"report", ours,
                       cl::desc("Print the time each stage took, the size of "
                                "the object, what tuned code is made by, and "
                                "for a cubin what each kernel needs")};
  cl::opt<bool> trace{
      "trace", ours,
      cl::desc("Record when each op runs, its operations and its bytes, for "
               "'effattn-run --trace' and effattn_spans() of the header")};
  cl::opt<bool> debugInfo{
      "g", ours,
      cl::desc(
          "Say in machine code from which line of the input it is, for "
          "debuggers and profilers; in MLIR, what fusion made ops of, too")};
  cl::opt<bool> noHeader{"no-header", ours,
                         cl::desc("Do not write the header and the JSON "
                                  "signature beside an object or a library")};
  cl::opt<bool> printPipeline{"print-pipeline", ours,
                              cl::desc("Print what effattn-opt needs to run "
                                       "the same passes, and exit")};
  std::string stageText = describeStages();
  cl::extrahelp stages{stageText};
};
} // namespace

static Error refuse(const Twine &sentence) {
  return createStringError(inconvertibleErrorCode(), sentence);
}

static bool isIdentifier(StringRef name) {
  return !name.empty() && !isDigit(name[0]) &&
         all_of(name, [](char c) { return isAlnum(c) || c == '_'; });
}

/// The stage that the command line asks for.
static Expected<OutputKind> readOutputKind(const Flags &flags) {
  Expected<OutputKind> kind = chooseOutputKind(flags.emit, flags.output);
  if (!kind)
    return kind;
  const OutputKindInfo &info = getInfo(*kind);
  if (info.needsGpu && flags.target == "cpu")
    return refuse(info.name + " needs --target=nvptx");
  if (!info.isText && flags.output.empty()) {
    StringRef stem =
        flags.input == "-" ? "model" : sys::path::stem(flags.input.getValue());
    return refuse(info.name + " is binary: name the output, such as -o " +
                  stem + info.extension + ", or -o - for standard output");
  }
  return kind;
}

static Error checkCommandLine(const Flags &flags) {
  if (Error error = checkChoice("--target", flags.target,
                                {"cpu", "nvptx", "nvptx-emulated"}))
    return error;
  if (flags.trace && flags.target != "cpu")
    return refuse("--trace: ops that run on a GPU cannot be traced yet; use "
                  "--target=cpu");
  if (!flags.symbolPrefix.empty() && !isIdentifier(flags.symbolPrefix))
    return refuse("--symbol-prefix: expected an identifier of C, but got '" +
                  flags.symbolPrefix + "'");
  if (flags.printPipeline)
    return Error::success();
  if (flags.input.empty())
    return refuse("expected an input file, or - for standard input; --help "
                  "shows examples");
  if (flags.input != "-" && flags.output != "-" && !flags.output.empty() &&
      sys::fs::equivalent(flags.input, flags.output))
    return refuse("the output '" + flags.output + "' is the input");
  return Error::success();
}

/// The header and the JSON signature have no place beside a pipe or a device.
static bool wantsCompanions(const Flags &flags, OutputKind kind) {
  if (flags.noHeader || flags.output == "-" || !getInfo(kind).hasCompanions)
    return false;
  sys::fs::file_status status;
  return sys::fs::status(flags.output, status) ||
         sys::fs::is_regular_file(status) || sys::fs::is_directory(status);
}

static std::string replaceExtension(StringRef path, StringRef extension) {
  SmallString<128> result(path);
  sys::path::replace_extension(result, extension);
  return result.str().str();
}

/// Everything that is about to be written, without its content yet.
static SmallVector<OutputFile> nameOutputs(const Flags &flags,
                                           OutputKind kind) {
  std::string path = flags.output.empty() ? "-" : flags.output.getValue();
  SmallVector<OutputFile> files = {
      {path, "", kind == OutputKind::SharedLibrary}};
  if (wantsCompanions(flags, kind)) {
    files.push_back({replaceExtension(path, "h"), ""});
    files.push_back({replaceExtension(path, "json"), ""});
  }
  return files;
}

static void printReport(const StageTimes &times, const Compiled &compiled,
                        const Compiler &compiler, StringRef gpu) {
  times.print(errs());
  if (compiled.sizes)
    errs() << "code " << compiled.sizes->code << " bytes, data "
           << compiled.sizes->data << " bytes, zero-filled "
           << compiled.sizes->zeroFilled << " bytes\n";
  if (compiler.isTuned() && compiled.kernels.empty())
    compiler.getCpuModel().print(errs());
  printKernels(errs(), compiled.kernels, gpu);
}

static int compile(const Flags &flags, const Compiler &compiler,
                   OutputKind kind) {
  SmallVector<OutputFile> files = nameOutputs(flags, kind);
  for (const OutputFile &file : files)
    if (Error error = checkWritable(file.path))
      return fail(std::move(error));
  auto source = readFile(flags.input);
  if (!source)
    return fail(source.takeError());

  StageTimes times;
  std::string diagnostics;
  raw_string_ostream stream(diagnostics);
  Progress progress(times);
  auto compiled = compiler.compile(std::move(*source), kind, times, stream);
  progress.stop();
  errs() << diagnostics;
  if (mlir::failed(compiled))
    return Failed;

  files[0].content = compiled->content->getBuffer();
  if (files.size() > 1) {
    files[1].content = compiled->header;
    files[2].content = compiled->json;
  }
  if (Error error = writeFiles(files))
    return fail(std::move(error));
  if (flags.report)
    printReport(times, *compiled, compiler, flags.gpu);
  return Done;
}

static int listCpus(const Flags &flags) {
  auto names = getCpuNames(flags.triple);
  if (!names)
    return fail(names.takeError(), BadCommandLine);
  outs() << "native\n";
  for (const std::string &name : *names)
    outs() << name << '\n';
  return Done;
}

static Expected<CompilerOptions> readOptions(const Flags &flags) {
  Expected<CompilerOptions> options = flags.read();
  if (!options)
    return options;
  options->target = readTarget(flags.target);
  options->from = flags.from;
  if (flags.remarks.getNumOccurrences())
    options->remarks = flags.remarks.empty() ? ".*" : flags.remarks.getValue();
  options->trace = flags.trace;
  options->debugInfo = flags.debugInfo;
  options->gpu = flags.gpu;
  options->machine.triple = flags.triple;
  options->symbolPrefix = flags.symbolPrefix;
  if (!flags.output.empty() && flags.output != "-") {
    options->name = sys::path::stem(flags.output).str();
    options->soname = sys::path::filename(flags.output).str();
  }
  return options;
}

static int run(const Flags &flags) {
  if (flags.cpu == "help")
    return listCpus(flags);
  if (Error error = checkCommandLine(flags))
    return fail(std::move(error), BadCommandLine);
  Expected<CompilerOptions> options = readOptions(flags);
  if (!options)
    return fail(options.takeError(), BadCommandLine);
  Expected<Compiler> compiler = Compiler::create(std::move(*options));
  if (!compiler)
    return fail(compiler.takeError(), BadCommandLine);
  if (flags.printPipeline) {
    outs() << compiler->printPipeline() << '\n';
    return Done;
  }
  Expected<OutputKind> kind = readOutputKind(flags);
  if (!kind)
    return fail(kind.takeError(), BadCommandLine);
  return compile(flags, *compiler, *kind);
}

int main(int argc, char **argv) {
  Flags flags(argv[0]);
  return runTool(argc, argv, overview, [&] { return run(flags); });
}
