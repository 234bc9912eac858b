//===- effattn-translate.cpp - IR to and from other formats ---------------===//
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/Translations.h"
#include "effattn/Target/Version.h"

#include "mlir/InitAllTranslations.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

int main(int argc, char **argv) {
  mlir::effattn::setVersionPrinter(argv[0]);
  mlir::registerAllTranslations();
  mlir::effattn::registerEffAttnTranslations(mlir::effattn::registerEverything);
  return llvm::failed(
      mlir::mlirTranslateMain(argc, argv, "The translator of effattn\n"));
}
