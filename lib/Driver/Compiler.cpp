//===- Compiler.cpp - From IR in memory to bytes in memory ----------------===//
#include "effattn/Driver/Compiler.h"

#include "effattn/Target/EmitFile.h"
#include "effattn/Target/Header.h"
#include "effattn/Target/Kernels.h"
#include "effattn/Target/Signature.h"
#include "effattn/Target/TranslateToLLVM.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::effattn;

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
effattn::readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return refuse("cannot read " + (path == "-" ? "standard input" : path) +
                  ": " + describe(buffer.getError()));
  return std::move(*buffer);
}

TargetKind effattn::readTarget(StringRef name) {
  return llvm::StringSwitch<TargetKind>(name)
      .Case("nvptx", TargetKind::Nvptx)
      .Case("nvptx-emulated", TargetKind::NvptxEmulated)
      .Default(TargetKind::Cpu);
}

/// All stages behind none; nothing behind one that the target does not have.
static ArrayRef<Stage> getStagesBehind(TargetKind target, StringRef name) {
  ArrayRef<Stage> stages = getStages(target);
  if (name.empty())
    return stages;
  auto isNamed = [&](const Stage &stage) { return stage.name == name; };
  return stages.drop_until(isNamed).drop_front(llvm::any_of(stages, isNamed));
}

llvm::Expected<Compiler> Compiler::create(CompilerOptions options) {
  if (getStagesBehind(options.target, options.from).empty())
    return llvm::createStringError(
        "no stage of --target comes behind '" + options.from +
        "': --from expects the name of a stage before mlir-llvm");
  if (options.gpuTf32 && options.target == TargetKind::Cpu)
    return refuse("--gpu-tf32: expected a --target with kernels, but got cpu");
  if (options.gpuTf32 && !options.tuned)
    return refuse("--gpu-tf32: expected --lowering=tuned, but got linalg");
  auto machine = createMachine(options.machine);
  if (!machine)
    return machine.takeError();
  auto gpuMachine = createGpuMachine(options.gpu, options.machine.optimization);
  if (!gpuMachine)
    return gpuMachine.takeError();
  CpuModel model;
  if (llvm::Error error = model.setTilings(options.tiling))
    return std::move(error);
  std::string why;
  if (!options.remarks.empty() && !llvm::Regex(options.remarks).isValid(why))
    return refuse("--remarks: '" + options.remarks +
                  "' is no regular expression: " + why);
  return Compiler(std::move(options), std::move(*machine),
                  std::move(*gpuMachine));
}

Compiler::Compiler(CompilerOptions options,
                   std::unique_ptr<llvm::TargetMachine> machine,
                   std::unique_ptr<llvm::TargetMachine> gpuMachine)
    : options(std::move(options)), machine(std::move(machine)),
      gpuMachine(std::move(gpuMachine)) {}
Compiler::Compiler(Compiler &&) noexcept = default;
Compiler::~Compiler() = default;

PipelineOptions Compiler::getPipelineOptions() const {
  PipelineOptions pipeline;
  pipeline.target = options.target;
  pipeline.openmp = options.openmp && options.target == TargetKind::Cpu;
  pipeline.tuned = options.tuned;
  pipeline.tf32 = options.gpuTf32;
  pipeline.trace = options.trace;
  pipeline.symbolPrefix = options.symbolPrefix;
  pipeline.cpuFeatures = getRequiredFeatures(*machine);
  if (options.tuned)
    pipeline.tiling = getTiling();
  return pipeline;
}

/// What was given, behind what is known of the caches.
std::vector<std::string> Compiler::getTiling() const {
  std::vector<std::string> entries;
  if (isForHost(options.machine)) {
    auto [first, second] = getHostCaches();
    if (first)
      entries.push_back("first-cache:" + std::to_string(first));
    if (second)
      entries.push_back("second-cache:" + std::to_string(second));
  }
  llvm::append_range(entries, options.tiling);
  return entries;
}

CpuModel Compiler::getCpuModel() const {
  CpuModel model = CpuModel::fromFeatures(getRequiredFeatures(*machine));
  llvm::cantFail(model.setTilings(getTiling()));
  return model;
}

std::string Compiler::printPipeline() const {
  return effattn::printPipeline(getPipelineOptions());
}

/// Says what a file that cannot be IR is, where the parser would only complain
/// about a character.
static LogicalResult checkSource(const llvm::MemoryBuffer &source,
                                 raw_ostream &diagnostics) {
  StringRef text = source.getBuffer(), name = source.getBufferIdentifier();
  if (isBytecode(source.getMemBufferRef()))
    return success();
  if (text.trim().empty()) {
    diagnostics << name << ": error: the file is empty\n";
    return failure();
  }
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin()),
             *end = reinterpret_cast<const llvm::UTF8 *>(text.end()),
             *at = begin;
  bool legal = llvm::isLegalUTF8String(&at, end);
  size_t length = std::min<size_t>(at - begin, text.find('\0'));
  if (legal && length == text.size())
    return success();
  diagnostics << name << ":" << text.take_front(length).count('\n') + 1
              << ": error: expected MLIR text in UTF-8 or MLIR bytecode, but "
                 "got a byte that is neither\n";
  return failure();
}

static OwningOpRef<ModuleOp>
parse(const std::shared_ptr<llvm::SourceMgr> &source, MLIRContext &context) {
  return parseSourceFile<ModuleOp>(source, ParserConfig(&context));
}

/// Makes diagnostics of the remarks of passes that `category` matches.
static LogicalResult showRemarks(MLIRContext &context, StringRef category) {
  remark::RemarkCategories categories;
  categories.passed = categories.missed = category.str();
  return remark::enableOptimizationRemarks(
      context, /*streamer=*/nullptr,
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories,
      /*printAsEmitRemarks=*/true);
}

static bool isMlir(OutputKind kind) { return kind <= OutputKind::MlirLlvm; }

LogicalResult
Compiler::runStages(ModuleOp module, OutputKind kind, StageTimes &times,
                    llvm::StringMap<LaunchShape> &launches) const {
  PipelineOptions pipeline = getPipelineOptions();
  ArrayRef<Stage> stages = getStagesBehind(options.target, options.from);
  StringRef last = getInfo(kind).name;
  if (isMlir(kind) && llvm::none_of(stages, [&](const Stage &stage) {
        return stage.name == last;
      }))
    return module.emitError("the input is behind the stage ") << last;
  for (const Stage &stage : stages) {
    times.begin(stage.name);
    PassManager manager = PassManager::on<ModuleOp>(module.getContext());
    if (failed(addStage(manager, stage, pipeline)) ||
        failed(manager.run(module)))
      return failure();
    if (stage.name == getInfo(OutputKind::MlirGpu).name)
      launches = collectLaunchShapes(module);
    if (stage.name == last)
      break;
  }
  times.end();
  return success();
}

static std::unique_ptr<llvm::MemoryBuffer> copyText(StringRef text) {
  return llvm::MemoryBuffer::getMemBufferCopy(text);
}

static std::string printModule(ModuleOp module, bool withPlaces) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (withPlaces)
    flags.enableDebugInfo();
  module.print(stream, flags);
  if (text.empty() || text.back() != '\n')
    stream << '\n';
  return text;
}

LogicalResult Compiler::describeFunctions(ModuleOp module,
                                          Compiled &compiled) const {
  FailureOr<std::vector<Signature>> signatures = collectSignatures(module);
  if (failed(signatures))
    return failure();
  if (signatures->empty())
    return module.emitError("expected at least one public function to "
                            "compile, but got none");
  llvm::raw_string_ostream header(compiled.header), json(compiled.json);
  writeHeader(header, *signatures, options.name, EFFATTN_VERSION,
              {/*streams=*/options.target == TargetKind::Nvptx,
               /*spans=*/options.trace && options.target == TargetKind::Cpu});
  std::string triple = machine->getTargetTriple().str();
  writeSignatures(json, *signatures,
                  {EFFATTN_VERSION, triple, machine->getTargetCPU(),
                   options.openmp ? "openmp" : "none"});
  return success();
}

/// Gives functions the scopes that LLVM wants around the lines of their ops.
static LogicalResult keepLines(ModuleOp module) {
  LLVM::DIScopeForLLVMFuncOpPassOptions options;
  options.emissionKind = LLVM::DIEmissionKind::LineTablesOnly;
  PassManager manager = PassManager::on<ModuleOp>(module.getContext());
  manager.addPass(LLVM::createDIScopeForLLVMFuncOpPass(options));
  return manager.run(module);
}

static std::optional<ObjectSizes> measure(StringRef bytes) {
  auto object = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(bytes, "object"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return std::nullopt;
  }
  ObjectSizes sizes;
  for (const llvm::object::SectionRef &section : (*object)->sections()) {
    uint64_t size = section.getSize();
    if (section.isText())
      sizes.code += size;
    else if (section.isBSS())
      sizes.zeroFilled += size;
    else if (section.isData())
      sizes.data += size;
  }
  return sizes;
}

LogicalResult Compiler::generateKernels(ModuleOp module, OutputKind kind,
                                        StageTimes &times,
                                        raw_ostream &diagnostics,
                                        Compiled &compiled) const {
  times.begin("ptx");
  FailureOr<std::string> ptx =
      generatePtx(module, *gpuMachine, options.machine.optimization);
  if (failed(ptx))
    return failure();
  compiled.kernels = describeKernels(*ptx, compiled.launches);
  if (kind != OutputKind::Cubin) {
    embedPtx(module, *ptx);
    compiled.content = copyText(*ptx);
    return success();
  }
  times.begin("cubin");
  auto cubin = assemblePtx(*ptx, options.gpu);
  if (!cubin) {
    diagnostics << "error: " << llvm::toString(cubin.takeError()) << '\n';
    return failure();
  }
  compiled.content = copyText(cubin->code);
  describeMachineCode(compiled.kernels, cubin->kernels,
                      disassemble(cubin->code));
  return success();
}

LogicalResult Compiler::generate(ModuleOp module, OutputKind kind,
                                 StageTimes &times, raw_ostream &diagnostics,
                                 Compiled &compiled) const {
  llvm::LLVMContext context;
  times.begin("llvm-ir");
  if (options.debugInfo && failed(keepLines(module)))
    return failure();
  auto llvmModule = translateToLLVM(module, context, *machine);
  if (!llvmModule || failed(optimize(module, *llvmModule, *machine,
                                     options.machine.optimization)))
    return failure();
  if (kind == OutputKind::LlvmIr) {
    std::string text;
    llvm::raw_string_ostream(text) << *llvmModule;
    compiled.content = copyText(text);
    return success();
  }

  bool assembly = kind == OutputKind::Assembly;
  times.begin(assembly ? "asm" : "obj");
  auto code = generateCode(module, *llvmModule, *machine,
                           assembly ? llvm::CodeGenFileType::AssemblyFile
                                    : llvm::CodeGenFileType::ObjectFile);
  if (failed(code))
    return failure();
  StringRef bytes(code->data(), code->size());
  if (!assembly)
    compiled.sizes = measure(bytes);
  if (kind == OutputKind::Assembly || kind == OutputKind::Object) {
    compiled.content = copyText(bytes);
    return success();
  }

  times.begin(getInfo(kind).name);
  auto library =
      kind == OutputKind::StaticLibrary
          ? makeArchive(bytes, options.name + ".o")
          : linkSharedLibrary(bytes, {machine->getTargetTriple(),
                                      options.openmp, options.soname});
  if (!library) {
    diagnostics << "error: " << llvm::toString(library.takeError()) << '\n';
    return failure();
  }
  compiled.content = std::move(*library);
  return success();
}

FailureOr<Compiled>
Compiler::compile(std::unique_ptr<llvm::MemoryBuffer> source, OutputKind kind,
                  StageTimes &times, raw_ostream &diagnostics) const {
  if (failed(checkSource(*source, diagnostics)))
    return failure();
  registerEveryPass();
  DialectRegistry registry;
  registerEverything(registry);
  // One thread: a worker's small stack would not survive input that nests
  // deeply, and diagnostics keep their order.
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(source), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(*sources, &context, diagnostics);
  // The source line says more than the op in its generic form.
  context.printOpOnDiagnostic(false);
  if (!options.remarks.empty() && failed(showRemarks(context, options.remarks)))
    return failure();

  times.begin("parse");
  OwningOpRef<ModuleOp> module = parse(sources, context);
  if (!module)
    return failure();
  Compiled compiled;
  if (failed(runStages(*module, kind, times, compiled.launches)))
    return failure();
  if (isMlir(kind)) {
    compiled.content = copyText(printModule(*module, options.debugInfo));
    return compiled;
  }
  if (failed(describeFunctions(*module, compiled)))
    return failure();
  if (kind == OutputKind::Header || kind == OutputKind::Json) {
    compiled.content =
        copyText(kind == OutputKind::Header ? compiled.header : compiled.json);
    return compiled;
  }
  bool isKernels = kind == OutputKind::Ptx || kind == OutputKind::Cubin;
  // Functions without results have none, and are an object all the same.
  bool hasKernels = !module->getOps<gpu::GPUModuleOp>().empty();
  if (options.target == TargetKind::Nvptx && (isKernels || hasKernels) &&
      failed(generateKernels(*module, kind, times, diagnostics, compiled)))
    return failure();
  if (!isKernels &&
      failed(generate(*module, kind, times, diagnostics, compiled)))
    return failure();
  times.end();
  return compiled;
}
