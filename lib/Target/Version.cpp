//===- Version.cpp - What --version prints --------------------------------===//
#include "effattn/Target/Version.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

void mlir::effattn::setVersionPrinter(StringRef program) {
  static std::string tool;
  tool = sys::path::filename(program).str();
  cl::SetVersionPrinter([](raw_ostream &os) {
    os << tool << " " EFFATTN_VERSION " (LLVM " LLVM_VERSION_STRING ")\n";
  });
}
