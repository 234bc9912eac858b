//===- effattn-lsp-server.cpp - Language server for IR files --------------===//
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/Version.h"

#include "mlir/Support/LLVM.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::effattn::setVersionPrinter(argv[0]);
  mlir::DialectRegistry registry;
  mlir::effattn::registerEverything(registry);
  return llvm::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
