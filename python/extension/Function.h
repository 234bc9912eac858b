//===- Function.h - Compiled functions, called from Python ----------------===//
#ifndef EFFATTN_PYTHON_FUNCTION_H
#define EFFATTN_PYTHON_FUNCTION_H

#include "effattn/Driver/EntryPoint.h"

#include <nanobind/nanobind.h>
#include <optional>
#include <string>
#include <vector>

namespace effattn {

/// An output as the signature describes it.
struct Output {
  DLDataType type;
  int rank;
};

class Function {
public:
  Function(mlir::effattn::EntryPoint entry, std::string name)
      : entry(entry), name(std::move(name)) {}

  const char *signature() const { return entry.signature; }

  /// What Python has read from the signature.
  void describe(std::vector<std::string> inputs, std::vector<Output> outputs);

  /// Calls the function. `allocate(index, shape)` gives the array of an output
  /// whose shape the inputs decide, and `adopt(index, array)` makes one of
  /// memory that the function has allocated, which comes as unsigned integers.
  /// An output that `donated` names is put into that input's memory.
  nanobind::list call(nanobind::sequence inputs, nanobind::object allocate,
                      nanobind::object adopt,
                      const std::vector<std::pair<int, int>> &donated) const;

  /// The name, the place, the beginning, the end, the operations and the bytes
  /// of each op that ran in this thread's calls since the last time, and how
  /// many were lost; None where the function is not traced.
  nanobind::object takeSpans() const;

private:
  [[noreturn]] void raiseLastError() const;
  std::string describeInput(size_t index) const;

  mlir::effattn::EntryPoint entry;
  std::string name;
  std::vector<std::string> inputs;
  std::vector<Output> outputs;
};

/// A shared library of compiled functions; it stays loaded.
class Library {
public:
  explicit Library(const std::string &path);
  const std::vector<std::string> &functions() const { return names; }
  Function find(const std::string &name) const;

private:
  void *handle;
  std::vector<std::string> names;
};

} // namespace effattn

#endif // EFFATTN_PYTHON_FUNCTION_H
