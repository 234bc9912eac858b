//===- Arrays.h - Arrays of Python as DLPack tensors ----------------------===//
#ifndef EFFATTN_PYTHON_ARRAYS_H
#define EFFATTN_PYTHON_ARRAYS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <dlpack/dlpack.h>
#include <nanobind/nanobind.h>
#include <string>

namespace effattn {

/// The exception that the package raises.
[[noreturn]] void raiseError(const std::string &sentence);

/// A loan of an array's memory: nothing is copied, and the array lives as long
/// as the loan. Made and destroyed with the GIL held.
class BorrowedArray {
public:
  /// Says in messages which argument it is.
  using Name = llvm::function_ref<std::string()>;

  BorrowedArray(nanobind::handle array, Name name);
  BorrowedArray(const BorrowedArray &) = delete;
  BorrowedArray &operator=(const BorrowedArray &) = delete;
  ~BorrowedArray();

  DLTensor *tensor() { return &view; }
  bool isReadOnly() const { return readOnly; }

private:
  bool borrowBuffer(nanobind::handle array, Name name);
  bool borrowInPlace(nanobind::handle array);
  void borrowCapsule(nanobind::handle array, Name name);
  void release();

  DLTensor view = {};
  bool readOnly = false;
  Py_buffer buffer = {};
  /// What is not as the array has it: a buffer has strides in bytes.
  llvm::SmallVector<int64_t, 6> sizes, strides;
  /// Keeps what is borrowed through DLPack.
  nanobind::object capsule;
};

} // namespace effattn

#endif // EFFATTN_PYTHON_ARRAYS_H
