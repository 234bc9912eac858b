//===- effattn-translate.cpp - IR to and from other formats ---------------===//
#include "effattn/Pipelines/Pipelines.h"

#include "mlir/InitAllTranslations.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

int main(int argc, char **argv) {
  mlir::registerAllTranslations();
  return llvm::failed(
      mlir::mlirTranslateMain(argc, argv, "The translator of effattn\n"));
}
