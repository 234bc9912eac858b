//===- Limits.h - Time and memory that a tool may take --------------------===//
#ifndef EFFATTN_DRIVER_LIMITS_H
#define EFFATTN_DRIVER_LIMITS_H

#include "llvm/Support/CommandLine.h"

namespace mlir::effattn {

/// The options --timeout and --max-memory. They are in force from when the
/// command line is read: a tool that wants more ends with one sentence and
/// exit code 1, and leaves neither files nor programs behind.
class LimitFlags {
public:
  /// `program` is the tool's argv[0].
  LimitFlags(const char *program, llvm::cl::OptionCategory &category);

private:
  struct Parser : llvm::cl::parser<double> {
    using parser::parser;
    bool parse(llvm::cl::Option &option, llvm::StringRef name,
               llvm::StringRef text, double &value);
  };
  llvm::cl::opt<double, /*ExternalStorage=*/false, Parser> timeout, memory;
};

/// For what crashed because it did not ask whether it got the memory that it
/// wanted: ends the tool with the sentence about memory, if there is none left.
void endIfOutOfMemory();

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_LIMITS_H
