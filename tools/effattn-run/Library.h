//===- Library.h - Compiled functions, loaded and called ------------------===//
#ifndef EFFATTN_TOOLS_RUN_LIBRARY_H
#define EFFATTN_TOOLS_RUN_LIBRARY_H

#include "Tensor.h"

#include "effattn/Driver/EntryPoint.h"

#include <vector>

namespace mlir::effattn {

/// An argument as the signature describes it.
struct CompiledArgument {
  std::string name;
  const ElementType *type = nullptr;
  /// Sizes and symbols, as text.
  std::vector<std::string> shape;

  /// `'k' f32[B, 4, S, 64]`
  std::string text() const;
};

/// A function of a loaded library; it stays loaded.
class CompiledFunction {
public:
  /// Reads the signature, calls nothing.
  static llvm::Expected<CompiledFunction> find(void *library,
                                               llvm::StringRef name);

  const std::string &name() const { return functionName; }
  const std::vector<CompiledArgument> &inputs() const { return inputList; }
  const std::vector<CompiledArgument> &outputs() const { return outputList; }

  /// Whether the ops of the function record when they run.
  bool isTraced() const { return entry.spans; }
  /// What this thread's calls recorded since the last time.
  std::vector<Span> takeSpans(int64_t &lost) const;

  /// Calls the function; allocates the outputs. `seconds` is the time of the
  /// call itself. Errors are the library's own sentence.
  llvm::Expected<std::vector<Tensor>> call(std::vector<Tensor> &inputs,
                                           double &seconds) const;

private:
  llvm::Error readSignature(llvm::StringRef json);
  llvm::Error fail() const;
  llvm::Expected<std::vector<std::vector<int64_t>>>
  computeShapes(llvm::ArrayRef<const DLTensor *> inputs) const;

  std::string functionName;
  std::vector<CompiledArgument> inputList, outputList;
  EntryPoint entry;
};

} // namespace mlir::effattn

#endif // EFFATTN_TOOLS_RUN_LIBRARY_H
