//===- effattn-opt.cpp - Run passes on IR files ---------------------------===//
#include "effattn/Driver/Limits.h"
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/Version.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::effattn::setVersionPrinter(argv[0]);
  mlir::effattn::LimitFlags limits(argv[0], llvm::cl::getGeneralCategory());
  mlir::effattn::registerEveryPass();
  mlir::DialectRegistry registry;
  mlir::effattn::registerEverything(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "The optimizer of effattn: runs passes on IR files\n",
      registry));
}
