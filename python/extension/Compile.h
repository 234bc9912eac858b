//===- Compile.h - The compiler, called from Python -----------------------===//
#ifndef EFFATTN_PYTHON_COMPILE_H
#define EFFATTN_PYTHON_COMPILE_H

#include "effattn/Driver/Compiler.h"

#include <nanobind/nanobind.h>
#include <string>
#include <utility>
#include <vector>

namespace effattn {

/// What came out of the compiler.
struct CompiledFiles {
  nanobind::bytes content;
  std::string header, json;
  /// Warnings and remarks.
  std::string diagnostics;
  /// Name and seconds.
  std::vector<std::pair<std::string, double>> stageTimes;
};

/// Compiles IR, text or bytecode, without the GIL. `stage` or the ending of
/// `output` says to what.
CompiledFiles compile(nanobind::bytes source, const std::string &sourceName,
                      const std::string &stage, const std::string &output,
                      mlir::effattn::CompilerOptions options);

/// The entries of a tiling, or of the file of JSON that has one.
std::vector<std::string> readTiling(const std::string &argument);

/// Name, value and meaning of all that tuned code for a CPU is made by.
std::vector<std::tuple<std::string, int64_t, std::string>>
describeTiling(const std::string &cpu, std::vector<std::string> tiling);

/// Refuses a file that could not be written, before any work is done.
void checkWritable(const std::string &path);

/// Writes a compiled file, and the header and the JSON signature beside it
/// where it has them; all or nothing.
void writeCompiled(const std::string &path, const CompiledFiles &files);

/// LLVM takes over the signals of a process when it first makes a temporary
/// file, and removes the file when one arrives. Signals are Python's business:
/// this lets LLVM believe that it has them.
void keepSignalHandlers();

} // namespace effattn

#endif // EFFATTN_PYTHON_COMPILE_H
