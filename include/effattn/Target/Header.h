//===- Header.h - Write the C header of compiled functions ----------------===//
#ifndef EFFATTN_TARGET_HEADER_H
#define EFFATTN_TARGET_HEADER_H

#include "effattn/Target/Signature.h"

namespace mlir::effattn {

/// Writes a header for C and C++. `stem` names the include guard: the name of
/// the file without its ending.
void writeHeader(llvm::raw_ostream &os, llvm::ArrayRef<Signature> signatures,
                 llvm::StringRef stem, llvm::StringRef version,
                 bool hasStreams = false);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_HEADER_H
