//===- effattn-run.cpp - Compile or load functions and call them ----------===//
#include "Library.h"
#include "Npy.h"
#include "Results.h"
#include "effattn/Driver/Tool.h"
#include "effattn/Target/EmitFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mlir::effattn;

static constexpr char overview[] =
    R"(calls a function compiled by effattn

Compiles MLIR, or loads a shared library of effattn-compile, and calls one
function with arrays from .npy files and scalars. Results go to .npy files or,
without --output, to standard output.
)";

static constexpr char examples[] = R"(
Examples:
  effattn-run model.mlir --input=x.npy --output=y.npy
  effattn-run libmodel.so --entry=decode --input=x.npy --input=3:i64
  effattn-run model.mlir --input=x.npy --expect=y.npy --tolerance=1e-5
  effattn-run model.mlir --input=x.npy --repeat=100
  effattn-run model.mlir --input=x.npy --output=y.npy --trace=trace.json

Arrays of bf16 are their bits, as uint16 (np.uint16) or void (|V2, what
ml_dtypes writes); they are written as uint16. Any strides and byte orders of
.npy are read. The error of --expect is relative to 1 + |x|.

)";

namespace {
struct Flags : CompilerFlags {
  using CompilerFlags::CompilerFlags;
  using Text = cl::opt<std::string>;
  using Texts = cl::list<std::string>;
  cl::cat ours{getToolCategory()};

  Text program{cl::Positional,
               cl::desc("<input.mlir, library.so, or - for IR from standard "
                        "input>"),
               ours};
  Text entry{"entry", cl::value_desc("name"), ours,
             cl::desc("The function to call (default: main, or the only one)")};
  Texts inputs{"input", cl::value_desc("x.npy|3.5:f32"), ours,
               cl::desc("An argument; repeat it in the order of the inputs")};
  Texts outputs{"output", cl::value_desc("y.npy"), ours,
                cl::desc("Where to write a result, in the order of the "
                         "outputs; - for standard output")};
  Texts expected{"expect", cl::value_desc("y.npy"), ours,
                 cl::desc("Compare a result, in the order of the outputs, and "
                          "print the largest error")};
  Text tolerance{"tolerance", cl::value_desc("T"), cl::init("1e-5"), ours,
                 cl::desc("Largest error that --expect lets pass (default: "
                          "1e-5)")};
  Text repeat{"repeat", cl::value_desc("N"), cl::init("1"), ours,
              cl::desc("Call N times and print min, median and max seconds")};
  Text trace{"trace", cl::value_desc("trace.json"), ours,
             cl::desc("Write the stages of the compiler, each call and, on the "
                      "CPU, each op with its operations and bytes as a trace "
                      "for chrome://tracing or Perfetto; a library has ops to "
                      "show if it was compiled with --trace")};
  Text target{"target", cl::value_desc("cpu|nvptx-emulated|cuda"),
              cl::init("cpu"), ours,
              cl::desc("What to compile for and run on: kernels of "
                       "nvptx-emulated run on the host, which checks what "
                       "memory they touch (default: cpu)")};
  cl::extrahelp more{examples};
};

/// What happened in calls.
struct Record {
  StageTimes times;
  std::vector<Span> spans;
  /// Spans there was no room for.
  int64_t lostSpans = 0;
};

/// The numbers of the command line.
struct Limits {
  double tolerance = 0;
  unsigned repeat = 1;
};
} // namespace

static Error refuse(const Twine &sentence) {
  return createStringError(inconvertibleErrorCode(), sentence);
}

static Expected<Limits> checkCommandLine(const Flags &flags) {
  if (Error error = checkChoice("--target", flags.target,
                                {"cpu", "nvptx-emulated", "cuda"}))
    return error;
  if (flags.program.empty())
    return refuse("expected an MLIR file or a shared library; --help shows "
                  "examples");
  Limits limits;
  if (StringRef(flags.tolerance).getAsDouble(limits.tolerance) ||
      !(limits.tolerance >= 0))
    return refuse("--tolerance: expected a number that is not negative, but "
                  "got '" +
                  flags.tolerance + "'");
  if (StringRef(flags.repeat).getAsInteger(10, limits.repeat) || !limits.repeat)
    return refuse("--repeat: expected a positive integer, but got '" +
                  flags.repeat + "'");
  for (StringRef input : flags.inputs)
    if (looksLikeScalar(input))
      if (Expected<Tensor> scalar = parseScalar(input); !scalar)
        return scalar.takeError();
  return limits;
}

/// A number without its type is read as the name of a file, which it rarely is.
static Expected<Tensor> readInput(StringRef text) {
  if (looksLikeScalar(text))
    return parseScalar(text);
  double number;
  if (!text.getAsDouble(number) && !sys::fs::exists(text))
    return refuse("--input=" + text + ": a scalar needs its type, such as " +
                  text + ":f32");
  return readNpy(text);
}

static Expected<std::vector<Tensor>> readInputs(ArrayRef<std::string> texts) {
  std::vector<Tensor> inputs;
  for (StringRef text : texts) {
    Expected<Tensor> tensor = readInput(text);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

static Error checkOutputs(const Flags &flags) {
  for (StringRef path : flags.outputs)
    if (Error error = checkWritable(path))
      return error;
  return flags.trace.empty() ? Error::success() : checkWritable(flags.trace);
}

//===----------------------------------------------------------------------===//
// Getting the function
//===----------------------------------------------------------------------===//

static bool isSharedLibrary(MemoryBufferRef buffer) {
  switch (identify_magic(buffer.getBuffer())) {
  case file_magic::elf:
  case file_magic::elf_executable:
  case file_magic::elf_relocatable:
  case file_magic::elf_shared_object:
    return true;
  default:
    return false;
  }
}

/// The function to call: the one that was named, else main, else the only one.
static Expected<std::string> chooseEntry(const Flags &flags,
                                         ArrayRef<std::string> names) {
  if (names.empty())
    return refuse(flags.program + " has no function compiled by effattn");
  std::string wanted = flags.entry.empty() ? "main" : flags.entry.getValue();
  if (is_contained(names, wanted))
    return wanted;
  if (flags.entry.empty() && names.size() == 1)
    return names.front();
  return refuse(flags.program + " has no function '" + wanted + "'" +
                (flags.entry.empty() ? ": choose one with --entry" : "") +
                "; it has " + join(names, ", "));
}

/// Loads the bytes of a library through a file that is gone right after.
static Expected<void *> loadFromMemory(StringRef bytes) {
  Expected<PrivateFolder> folder = PrivateFolder::create();
  if (!folder)
    return folder.takeError();
  std::string path = folder->file("library.so");
  if (Error error = writeFiles(OutputFile{path, bytes, /*executable=*/true}))
    return error;
  return loadLibrary(path);
}

/// Prints the diagnostics of the compiler; an error without a text means that
/// they say everything.
static Expected<std::unique_ptr<MemoryBuffer>>
compileProgram(std::unique_ptr<MemoryBuffer> source, const Compiler &compiler,
               StageTimes &times) {
  std::string diagnostics;
  raw_string_ostream stream(diagnostics);
  Progress progress(times);
  auto compiled = compiler.compile(std::move(source), OutputKind::SharedLibrary,
                                   times, stream);
  progress.stop();
  errs() << diagnostics;
  if (mlir::failed(compiled))
    return refuse("");
  return std::move(compiled->content);
}

static Expected<CompiledFunction>
getFunction(const Flags &flags, const Compiler &compiler, StageTimes &times) {
  auto program = readFile(flags.program);
  if (!program)
    return program.takeError();
  bool ahead = isSharedLibrary(**program);
  if (!ahead) {
    program = compileProgram(std::move(*program), compiler, times);
    if (!program)
      return program.takeError();
  }
  auto names = listFunctions(**program);
  if (!names)
    return names.takeError();
  Expected<std::string> entry = chooseEntry(flags, *names);
  if (!entry)
    return entry.takeError();
  times.begin("load");
  SmallString<128> path(flags.program);
  Expected<void *> library = nullptr;
  if (ahead && flags.program != "-") {
    // A bare name would be searched for.
    if (std::error_code code = sys::fs::make_absolute(path))
      return refuse("cannot read '" + flags.program + "': " + code.message());
    library = loadLibrary(path);
  } else {
    library = loadFromMemory((*program)->getBuffer());
  }
  times.end();
  if (!library)
    return library.takeError();
  return CompiledFunction::find(*library, *entry);
}

//===----------------------------------------------------------------------===//
// Calling it
//===----------------------------------------------------------------------===//

static std::string listArguments(ArrayRef<CompiledArgument> arguments) {
  std::string text;
  for (const CompiledArgument &argument : arguments)
    text += (text.empty() ? "" : ", ") + argument.text();
  return text;
}

static Error checkCounts(const Flags &flags, const CompiledFunction &function) {
  auto plural = [](size_t count, StringRef noun) {
    return std::to_string(count) + " " + noun.str() + (count == 1 ? "" : "s");
  };
  size_t inputs = function.inputs().size(), outputs = function.outputs().size();
  if (flags.inputs.size() != inputs)
    return refuse(
        function.name() + ": expected " + plural(inputs, "input") +
        (inputs ? " (" + listArguments(function.inputs()) + ")" : "") +
        ", but got " + Twine(flags.inputs.size()));
  for (auto [flag, count] :
       {std::pair<StringRef, size_t>{"--output", flags.outputs.size()},
        std::pair<StringRef, size_t>{"--expect", flags.expected.size()}})
    if (count > outputs)
      return refuse(function.name() + ": has " + plural(outputs, "output") +
                    " (" + listArguments(function.outputs()) + "), but " +
                    flag + " is given " + Twine(count) + " times");
  return Error::success();
}

static Expected<std::vector<Tensor>>
callRepeatedly(const CompiledFunction &function, std::vector<Tensor> &inputs,
               unsigned repeat, Record &record) {
  std::vector<double> seconds(repeat);
  std::vector<Tensor> outputs;
  for (double &time : seconds) {
    outputs.clear();
    record.times.begin(function.name());
    auto results = function.call(inputs, time);
    record.times.end();
    if (function.isTraced())
      llvm::append_range(record.spans, function.takeSpans(record.lostSpans));
    if (!results)
      return results.takeError();
    outputs = std::move(*results);
  }
  if (repeat > 1) {
    llvm::sort(seconds);
    double median = (seconds[(repeat - 1) / 2] + seconds[repeat / 2]) / 2;
    outs() << format("seconds: min %.3e median %.3e max %.3e\n",
                     seconds.front(), median, seconds.back());
  }
  return outputs;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static Error writeResults(const Flags &flags, const CompiledFunction &function,
                          ArrayRef<Tensor> outputs) {
  std::vector<std::string> contents;
  std::vector<OutputFile> files;
  for (auto [path, tensor] : zip(flags.outputs, outputs))
    contents.push_back(formatNpy(tensor));
  for (auto [path, content] : zip(flags.outputs, contents))
    files.push_back({path, content});
  if (Error error = writeFiles(files))
    return error;
  if (!flags.outputs.empty() || !flags.expected.empty())
    return Error::success();
  for (auto [index, tensor] : enumerate(outputs))
    printOutput(index, function.outputs()[index], tensor);
  return Error::success();
}

static int compareAll(const CompiledFunction &function,
                      ArrayRef<Tensor> outputs, ArrayRef<Tensor> expected,
                      double tolerance) {
  int code = Done;
  for (auto [index, want] : enumerate(expected))
    if (Error error = compareOutput(index, function.outputs()[index],
                                    outputs[index], want, tolerance))
      code = fail(std::move(error));
  return code;
}

static Error writeTrace(const Flags &flags, const Record &record,
                        StringRef function) {
  if (flags.trace.empty())
    return Error::success();
  if (record.lostSpans)
    errs() << "effattn-run: warning: the trace misses " << record.lostSpans
           << " ops: a call records 2^20 at most\n";
  std::string text = formatTrace(record.times, function, record.spans);
  return writeFiles(OutputFile{flags.trace, text});
}

static int run(const Flags &flags) {
  Expected<Limits> limits = checkCommandLine(flags);
  if (!limits)
    return fail(limits.takeError(), BadCommandLine);
  Expected<CompilerOptions> options = flags.read();
  if (!options)
    return fail(options.takeError(), BadCommandLine);
  options->target =
      readTarget(flags.target == "cuda" ? "nvptx" : flags.target.getValue());
  options->trace = !flags.trace.empty();
  Expected<Compiler> compiler = Compiler::create(std::move(*options));
  if (!compiler)
    return fail(compiler.takeError(), BadCommandLine);
  if (Error error = checkOutputs(flags))
    return fail(std::move(error));
  auto inputs = readInputs(flags.inputs);
  if (!inputs)
    return fail(inputs.takeError());
  auto expected = readInputs(flags.expected);
  if (!expected)
    return fail(expected.takeError());

  Record record;
  Expected<CompiledFunction> function =
      getFunction(flags, *compiler, record.times);
  if (!function) {
    std::string sentence = toString(function.takeError());
    return sentence.empty() ? Failed : fail(sentence);
  }
  if (Error error = checkCounts(flags, *function))
    return fail(std::move(error));
  for (auto [tensor, argument] : zip(*inputs, function->inputs()))
    tensor.adopt(*argument.type);
  for (auto [tensor, argument] : zip(*expected, function->outputs()))
    tensor.adopt(*argument.type);
  auto outputs = callRepeatedly(*function, *inputs, limits->repeat, record);
  if (!outputs)
    return fail(outputs.takeError());
  if (Error error = writeResults(flags, *function, *outputs))
    return fail(std::move(error));
  if (Error error = writeTrace(flags, record, function->name()))
    return fail(std::move(error));
  return compareAll(*function, *outputs, *expected, limits->tolerance);
}

int main(int argc, char **argv) {
  Flags flags(argv[0]);
  return runTool(argc, argv, overview, [&] { return run(flags); });
}
