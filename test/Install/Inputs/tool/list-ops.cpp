// Prints the names of the dialect's ops that a file uses.
#include <effattn/Dialect/EffAttn.h>
#include <effattn/Pipelines/Pipelines.h>

#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/MLIRContext.h>
#include <mlir/Parser/Parser.h>

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::effattn::registerEverything(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  module->walk([](mlir::effattn::ComputeOpInterface op) {
    llvm::outs() << op->getName() << "\n";
  });
  return 0;
}
