//===- Tensor.h - Tensors of the host -------------------------------------===//
#ifndef EFFATTN_TOOLS_RUN_TENSOR_H
#define EFFATTN_TOOLS_RUN_TENSOR_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <dlpack/dlpack.h>
#include <memory>
#include <string>

namespace mlir::effattn {

/// An element type under the name that signatures use.
struct ElementType {
  llvm::StringLiteral name;
  DLDataType dlpack;
  /// NumPy's kind and size: `f4`.
  llvm::StringLiteral numpy;

  int64_t bytes() const { return dlpack.bits / 8; }
};

/// Null when there is none of that name.
const ElementType *findElementType(llvm::StringRef name);
/// By NumPy's kind and size, without the byte order; null when unknown.
const ElementType *findNumpyType(llvm::StringRef name);

struct Tensor {
  const ElementType *type = nullptr;
  llvm::SmallVector<int64_t> shape;
  /// In elements.
  llvm::SmallVector<int64_t> strides;
  std::shared_ptr<void> memory;

  int64_t rank() const { return shape.size(); }
  int64_t count() const;
  /// What a compiled function sees; valid as long as the tensor stays put.
  DLTensor view();
  /// The value of an element, given by its position in row-major order.
  double at(int64_t index) const;
  /// NumPy has no bf16: where one is wanted, 16 unsigned bits are one.
  void adopt(const ElementType &wanted);
  /// `f32[2, 3]`
  std::string typeText() const;
};

/// Row-major strides of a shape.
llvm::SmallVector<int64_t> getRowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// Memory for a tensor, row-major. Bytes are 0xff: a float that nobody writes
/// is a NaN.
llvm::Expected<Tensor> allocateTensor(const ElementType &type,
                                      llvm::ArrayRef<int64_t> shape);

/// The bytes of a tensor in row-major order.
std::string packRowMajor(const Tensor &tensor);

/// Reads `3.5:f32`, `-1:i64` or `true:bool` into a tensor of rank 0.
llvm::Expected<Tensor> parseScalar(llvm::StringRef text);
/// Whether a text is meant as a scalar and not as the name of a file.
bool looksLikeScalar(llvm::StringRef text);

/// Prints nested rows; long ones are shortened in the middle.
void printTensor(llvm::raw_ostream &os, const Tensor &tensor);

} // namespace mlir::effattn

#endif // EFFATTN_TOOLS_RUN_TENSOR_H
