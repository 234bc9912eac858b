//===- Version.h - What --version prints ----------------------------------===//
#ifndef EFFATTN_TARGET_VERSION_H
#define EFFATTN_TARGET_VERSION_H

#include "llvm/ADT/StringRef.h"

namespace mlir::effattn {

/// Makes --version of a tool, `program` is its argv[0], name the versions of
/// effattn and of LLVM. Call it before the command line is parsed.
void setVersionPrinter(llvm::StringRef program);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_VERSION_H
