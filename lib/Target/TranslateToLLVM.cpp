//===- TranslateToLLVM.cpp - From the LLVM dialect to code ----------------===//
#include "effattn/Target/TranslateToLLVM.h"
#include "EmittedOrder.h"

#include "effattn/Runtime/SupportBitcode.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Target/LLVMIR/LLVMTranslationInterface.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"

using namespace mlir;

namespace {
/// Turns errors of LLVM's code generator into errors at the MLIR module, as
/// long as it lives; LLVM itself would print them and end the program.
class ErrorsOfLLVM {
public:
  ErrorsOfLLVM(ModuleOp source, llvm::LLVMContext &context) : context(context) {
    context.setDiagnosticHandlerCallBack(&ErrorsOfLLVM::handle, this);
    location = source.getLoc();
  }
  ~ErrorsOfLLVM() { context.setDiagnosticHandlerCallBack(nullptr); }
  ErrorsOfLLVM(const ErrorsOfLLVM &) = delete;
  ErrorsOfLLVM &operator=(const ErrorsOfLLVM &) = delete;

  LogicalResult result() const { return success(!failed); }

private:
  static void handle(const llvm::DiagnosticInfo *info, void *self) {
    if (info->getSeverity() != llvm::DS_Error)
      return;
    auto &errors = *static_cast<ErrorsOfLLVM *>(self);
    errors.failed = true;
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info->print(printer);
    emitError(*errors.location) << "LLVM: " << text;
  }

  llvm::LLVMContext &context;
  std::optional<Location> location;
  bool failed = false;
};
} // namespace

/// The entry points are baseline code already: they run before the features of
/// the CPU are checked.
static void setFunctionAttributes(llvm::Module &module,
                                  const llvm::TargetMachine &machine) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("no-trapping-math", "true");
    if (function.hasFnAttribute("target-cpu"))
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!machine.getTargetFeatureString().empty())
      function.addFnAttr("target-features", machine.getTargetFeatureString());
  }
}

/// Traces of debuggers and profilers go on through compiled functions and the
/// support code to who called them.
static void describeFrames(llvm::Module &module) {
  module.setUwtable(llvm::UWTableKind::Async);
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setUWTableKind(llvm::UWTableKind::Async);
}

static LogicalResult verify(ModuleOp source, const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (llvm::verifyModule(module, &stream))
    return source.emitError("internal error: invalid LLVM IR: ") << text;
  return success();
}

LogicalResult effattn::checkIsLowered(Operation *source) {
  // The translation would find the casts around such an op first.
  WalkResult result = source->walk([](Operation *op) {
    Dialect *dialect = op->getDialect();
    if (isa<UnrealizedConversionCastOp>(op) ||
        (dialect &&
         dialect->getRegisteredInterface<LLVMTranslationDialectInterface>()))
      return WalkResult::advance();
    op->emitOpError("is none that the compiler can lower for this target");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

std::unique_ptr<llvm::Module>
effattn::translateToLLVM(ModuleOp source, llvm::LLVMContext &context,
                         llvm::TargetMachine &machine) {
  if (failed(checkIsLowered(source)))
    return nullptr;
  ErrorsOfLLVM errors(source, context);
  // The translation of OpenMP asks the module for its target.
  auto module = translateModuleToLLVMIR(source, context,
                                        source.getName().value_or("effattn"));
  if (!module)
    return nullptr;
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  setFunctionAttributes(*module, machine);
  if (llvm::Error error = linkSupportCode(*module)) {
    source.emitError() << llvm::toString(std::move(error));
    return nullptr;
  }
  describeFrames(*module);
  if (failed(verify(source, *module)) || failed(errors.result()))
    return nullptr;
  return module;
}

LogicalResult effattn::optimize(ModuleOp source, llvm::Module &module,
                                llvm::TargetMachine &machine, unsigned level) {
  ErrorsOfLLVM errors(source, module.getContext());
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = level > 1;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  llvm::ModulePassManager passes =
      builder.buildPerModuleDefaultPipeline(levels[level]);
  // Level 0 would keep the support code that nothing calls.
  passes.addPass(llvm::GlobalDCEPass());
  passes.run(module, modules);
  if (failed(verify(source, module)))
    return failure();
  return errors.result();
}

FailureOr<SmallVector<char, 0>>
effattn::generateCode(ModuleOp source, llvm::Module &module,
                      llvm::TargetMachine &machine,
                      llvm::CodeGenFileType kind) {
  ErrorsOfLLVM errors(source, module.getContext());
  SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  EmittedOrder order(module, machine);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return source.emitError("LLVM cannot generate this kind of code for ")
           << machine.getTargetTriple().str();
  passes.run(module);
  if (failed(errors.result()))
    return failure();
  return code;
}
