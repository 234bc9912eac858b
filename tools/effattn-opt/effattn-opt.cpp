//===- effattn-opt.cpp - Run passes on IR files ---------------------------===//
#include "effattn/Conversion/Passes.h"
#include "effattn/Dialect/Bufferization.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  mlir::effattn::registerEffAttnConversionPasses();
  mlir::effattn::registerEffAttnTransformsPasses();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<mlir::effattn::EffAttnDialect>();
  mlir::effattn::registerBufferizationModels(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "effattn optimizer driver\n", registry));
}
