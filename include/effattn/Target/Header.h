//===- Header.h - Write the C header of compiled functions ----------------===//
#ifndef EFFATTN_TARGET_HEADER_H
#define EFFATTN_TARGET_HEADER_H

#include "effattn/Target/Signature.h"

namespace mlir::effattn {

/// What functions can do besides being called.
struct HeaderContent {
  /// They take a stream of a GPU.
  bool streams = false;
  /// They record when their ops run.
  bool spans = false;
};

/// Writes a header for C and C++. `stem` names the include guard: the name of
/// the file without its ending.
void writeHeader(llvm::raw_ostream &os, llvm::ArrayRef<Signature> signatures,
                 llvm::StringRef stem, llvm::StringRef version,
                 HeaderContent content = {});

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_HEADER_H
