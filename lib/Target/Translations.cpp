//===- Translations.cpp - Text made from modules --------------------------===//
#include "effattn/Target/Translations.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Target/Dot.h"
#include "effattn/Target/Header.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"

namespace mlir::effattn {

static void registerDialects(DialectRegistry &registry) {
  registry.insert<EffAttnDialect, func::FuncDialect, LLVM::LLVMDialect>();
}

void registerEffAttnTranslations(void (*registerAll)(DialectRegistry &)) {
  static llvm::cl::opt<std::string> stem(
      "header-name", llvm::cl::init("effattn"),
      llvm::cl::desc("Name of the header file, for its include guard"));
  static TranslateFromMLIRRegistration toHeader(
      "effattn-to-header", "write the C header of compiled functions",
      [](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
        auto signatures = collectSignatures(module);
        if (failed(signatures))
          return failure();
        writeHeader(os, *signatures, stem, EFFATTN_VERSION);
        return success();
      },
      registerDialects);
  static TranslateFromMLIRRegistration toJson(
      "effattn-to-json", "write the signatures of compiled functions as JSON",
      [](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
        auto signatures = collectSignatures(module);
        if (failed(signatures))
          return failure();
        auto triple = module->getAttrOfType<StringAttr>(
            LLVM::LLVMDialect::getTargetTripleAttrName());
        writeSignatures(
            os, *signatures,
            {EFFATTN_VERSION, triple ? triple.getValue() : "", "", "none"});
        return success();
      },
      registerDialects);
  static TranslateFromMLIRRegistration toDot(
      "to-dot",
      "draw functions as graphs for Graphviz: how data flows through their ops",
      [](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
        writeDot(os, module);
        return success();
      },
      registerAll);
}

} // namespace mlir::effattn
