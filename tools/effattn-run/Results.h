//===- Results.h - Printing and comparing results -------------------------===//
#ifndef EFFATTN_TOOLS_RUN_RESULTS_H
#define EFFATTN_TOOLS_RUN_RESULTS_H

#include "Library.h"
#include "effattn/Driver/StageTimes.h"

namespace mlir::effattn {

/// Prints an output with its name, its type and its values.
void printOutput(size_t index, const CompiledArgument &argument,
                 const Tensor &tensor);

/// Prints the largest error of an output. Fails when it is above the tolerance
/// or when the shapes differ.
llvm::Error compareOutput(size_t index, const CompiledArgument &argument,
                          const Tensor &got, const Tensor &want,
                          double tolerance);

/// The stages of the compiler, the calls of `function` and the ops that ran in
/// them, in the format of chrome://tracing.
std::string formatTrace(const StageTimes &times, llvm::StringRef function,
                        llvm::ArrayRef<Span> spans);

} // namespace mlir::effattn

#endif // EFFATTN_TOOLS_RUN_RESULTS_H
