//===- effattn-reduce.cpp - Shrink IR that shows a failure ----------------===//
#include "effattn/Pipelines/Pipelines.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

int main(int argc, char **argv) {
  mlir::effattn::registerEveryPass();
  mlir::DialectRegistry registry;
  mlir::effattn::registerEverything(registry);
  mlir::MLIRContext context(registry);
  return llvm::failed(mlir::mlirReduceMain(argc, argv, context));
}
