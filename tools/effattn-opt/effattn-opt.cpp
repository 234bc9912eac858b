//===- effattn-opt.cpp - Run passes on IR files ---------------------------===//
#include "effattn/Driver/Compiler.h"
#include "effattn/Driver/Limits.h"
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/EmitFile.h"
#include "effattn/Target/Version.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::effattn;

/// As mlir-opt, but that a file of output is written whole or not at all:
/// mlir-opt's is gone when a pass fails or time is up, whatever was there.
static llvm::Expected<LogicalResult> run(int argc, char **argv, StringRef input,
                                         StringRef output,
                                         DialectRegistry &registry) {
  if (output == "-")
    return MlirOptMain(argc, argv, input, output, registry);
  if (llvm::Error error = checkWritable(output))
    return error;
  auto folder = PrivateFolder::create();
  if (!folder)
    return folder.takeError();
  std::string whole = folder->file("output");
  LogicalResult result = MlirOptMain(argc, argv, input, whole, registry);
  // There is none after --show-dialects.
  if (failed(result) || !llvm::sys::fs::exists(whole))
    return result;
  auto content = readFile(whole);
  if (!content)
    return content.takeError();
  if (llvm::Error error =
          writeFiles(OutputFile{output.str(), (*content)->getBuffer()}))
    return error;
  return success();
}

int main(int argc, char **argv) {
  setVersionPrinter(argv[0]);
  LimitFlags limits(argv[0], llvm::cl::getGeneralCategory());
  registerEveryPass();
  DialectRegistry registry;
  registerEverything(registry);
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "The optimizer of effattn: runs passes on IR files\n",
      registry);
  auto result = run(argc, argv, input, output, registry);
  if (!result) {
    llvm::errs() << "effattn-opt: " << llvm::toString(result.takeError())
                 << '\n';
    return EXIT_FAILURE;
  }
  return asMainReturnCode(*result);
}
