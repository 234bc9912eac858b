//===- RunProgram.cpp - Linkers and assemblers as programs ----------------===//
#include "effattn/Target/RunProgram.h"

#include "llvm/Support/Program.h"

#include <atomic>
#include <csignal>

using namespace llvm;
using namespace mlir::effattn;

/// One at a time is enough here, and all that a signal handler can read.
static std::atomic<pid_t> running{0};

int mlir::effattn::runProgram(ArrayRef<StringRef> words, StringRef output,
                              StringRef errors, std::string &reason) {
  bool failed = false;
  sys::ProcessInfo process =
      sys::ExecuteNoWait(words[0], words, std::nullopt, {"", output, errors},
                         /*MemoryLimit=*/0, &reason, &failed);
  if (failed)
    return -1;
  running = process.Pid;
  int code = sys::Wait(process, std::nullopt, &reason).ReturnCode;
  running = 0;
  return code;
}

void mlir::effattn::stopProgram() {
  if (pid_t process = running)
    ::kill(process, SIGTERM);
}
