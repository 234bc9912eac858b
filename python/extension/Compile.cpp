//===- Compile.cpp - The compiler, called from Python ---------------------===//
#include "Compile.h"

#include "Arrays.h"
#include "effattn/Driver/LargeStack.h"
#include "effattn/Driver/OutputKind.h"
#include "effattn/Driver/StageTimes.h"
#include "effattn/Target/EmitFile.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <csignal>

namespace nb = nanobind;
using namespace effattn;
using namespace mlir::effattn;

template <typename Value> static Value unwrap(llvm::Expected<Value> value) {
  if (!value)
    raiseError(llvm::toString(value.takeError()));
  return std::move(*value);
}

static OutputKind readKind(const std::string &stage, const std::string &output,
                           bool hasKernels) {
  OutputKind kind = unwrap(chooseOutputKind(stage, output));
  const OutputKindInfo &info = getInfo(kind);
  if (info.needsGpu && !hasKernels)
    raiseError(info.name.str() + " needs target=\"nvptx\"");
  return kind;
}

std::vector<std::string> effattn::readTiling(const std::string &argument) {
  return unwrap(mlir::effattn::readTiling(argument));
}

std::vector<std::tuple<std::string, int64_t, std::string>>
effattn::describeTiling(const std::string &cpu,
                        std::vector<std::string> tiling) {
  CompilerOptions options;
  options.machine.cpu = cpu;
  options.tiling = std::move(tiling);
  CpuModel model = unwrap(Compiler::create(std::move(options))).getCpuModel();
  std::vector<std::tuple<std::string, int64_t, std::string>> all;
  for (auto [number, tiling] : llvm::enumerate(getTilings()))
    all.emplace_back(tiling.name.str(), model.get(Tiling::Kind(number)),
                     tiling.meaning.str());
  return all;
}

CompiledFiles effattn::compile(nb::bytes source, const std::string &sourceName,
                               const std::string &stage,
                               const std::string &output,
                               CompilerOptions options) {
  OutputKind kind = readKind(stage, output, options.target != TargetKind::Cpu);
  std::string text(source.c_str(), source.size()), diagnostics;
  StageTimes times;
  mlir::FailureOr<Compiled> compiled = mlir::failure();
  {
    nb::gil_scoped_release release;
    auto compiler = Compiler::create(std::move(options));
    if (!compiler) {
      diagnostics = llvm::toString(compiler.takeError());
    } else {
      llvm::raw_string_ostream stream(diagnostics);
      Progress progress(times);
      runOnLargeStack([&] {
        compiled = compiler->compile(
            llvm::MemoryBuffer::getMemBufferCopy(text, sourceName), kind, times,
            stream);
      });
    }
  }
  // Ctrl-C in a terminal reaches the linker too: its end is no error of ours.
  if (PyErr_CheckSignals())
    throw nb::python_error();
  diagnostics = llvm::StringRef(diagnostics).rtrim().str();
  if (mlir::failed(compiled))
    raiseError(diagnostics.empty() ? sourceName + ": cannot be compiled"
                                   : diagnostics);

  llvm::StringRef content = compiled->content->getBuffer();
  CompiledFiles files{nb::bytes(content.data(), content.size()),
                      std::move(compiled->header),
                      std::move(compiled->json),
                      std::move(diagnostics),
                      {}};
  for (const StageTime &stage : times.stages())
    files.stageTimes.emplace_back(stage.name, stage.duration);
  return files;
}

static void raiseIf(llvm::Error error) {
  if (error)
    raiseError(llvm::toString(std::move(error)));
}

void effattn::checkWritable(const std::string &path) {
  raiseIf(mlir::effattn::checkWritable(path));
}

static std::string replaceExtension(llvm::StringRef path,
                                    llvm::StringRef extension) {
  llvm::SmallString<128> result(path);
  llvm::sys::path::replace_extension(result, extension);
  return result.str().str();
}

void effattn::writeCompiled(const std::string &path,
                            const CompiledFiles &files) {
  const OutputKindInfo &info = getInfo(readKind("", path, /*hasKernels=*/true));
  llvm::SmallVector<OutputFile> outputs = {
      {path, llvm::StringRef(files.content.c_str(), files.content.size()),
       info.kind == OutputKind::SharedLibrary}};
  if (info.hasCompanions) {
    outputs.push_back({replaceExtension(path, "h"), files.header});
    outputs.push_back({replaceExtension(path, "json"), files.json});
  }
  nb::gil_scoped_release release;
  llvm::Error error = writeFiles(outputs);
  nb::gil_scoped_acquire acquire;
  raiseIf(std::move(error));
}

void effattn::keepSignalHandlers() {
  struct sigaction actions[NSIG];
  stack_t stack;
  ::sigaltstack(nullptr, &stack);
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, nullptr, &actions[number]);
  llvm::sys::RemoveFileOnSignal("");
  llvm::sys::DontRemoveFileOnSignal("");
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &actions[number], nullptr);
  ::sigaltstack(&stack, nullptr);
}
