//===- RunProgram.h - Linkers and assemblers as programs ------------------===//
#ifndef EFFATTN_TARGET_RUNPROGRAM_H
#define EFFATTN_TARGET_RUNPROGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace mlir::effattn {

/// Runs a program and waits for it; what it prints goes to the files `output`
/// and `errors`, nowhere where they are empty. Returns its exit code. When the
/// program could not run or was killed, `reason` says why.
int runProgram(llvm::ArrayRef<llvm::StringRef> words, llvm::StringRef output,
               llvm::StringRef errors, std::string &reason);

/// Ends the program that runProgram waits for, if any. A signal handler may
/// call it.
void stopProgram();

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_RUNPROGRAM_H
