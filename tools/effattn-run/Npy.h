//===- Npy.h - NumPy's .npy files -----------------------------------------===//
#ifndef EFFATTN_TOOLS_RUN_NPY_H
#define EFFATTN_TOOLS_RUN_NPY_H

#include "Tensor.h"

namespace mlir::effattn {

/// Reads versions 1 to 3, either byte order, C or Fortran order (as strides).
/// Errors name the file and what is wrong with it.
llvm::Expected<Tensor> readNpy(llvm::StringRef path);

/// The content of a file: row-major, little endian. bf16 is written as its bits
/// (uint16), which NumPy reads without further packages.
std::string formatNpy(const Tensor &tensor);

} // namespace mlir::effattn

#endif // EFFATTN_TOOLS_RUN_NPY_H
