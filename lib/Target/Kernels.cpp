//===- Kernels.cpp - From the NVVM dialect to PTX and machine code --------===//
#include "effattn/Target/Kernels.h"

#include "effattn/CodeGen/GPU/Runtime.h"
#include "effattn/Runtime/SupportBitcode.h"
#include "effattn/Target/EmitFile.h"
#include "effattn/Target/RunProgram.h"
#include "effattn/Target/TranslateToLLVM.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace mlir::effattn;

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

static constexpr unsigned kOldestGpu = 80;
/// Of CUDA 11.8, so that drivers from 2022 on take it; what newer GPUs need is
/// added by LLVM.
static constexpr llvm::StringLiteral kPtxVersion = "+ptx78";

/// The number in sm_90a, 0 for other names.
static unsigned getGpuNumber(llvm::StringRef gpu) {
  unsigned number = 0;
  if (!gpu.consume_front("sm_") || gpu.consumeInteger(10, number) ||
      !(gpu.empty() || gpu == "a" || gpu == "f"))
    return 0;
  return number;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
effattn::createGpuMachine(llvm::StringRef gpu, unsigned optimization) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return refuse("this LLVM has no code generator for NVIDIA's GPUs");
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, "", ""));
  unsigned number = getGpuNumber(gpu);
  if (number < kOldestGpu || !info->isCPUStringValid(gpu)) {
    std::string names;
    for (const llvm::SubtargetSubTypeKV &known :
         info->getAllProcessorDescriptions())
      if (getGpuNumber(known.Key) >= kOldestGpu)
        names += (names.empty() ? "" : ", ") + std::string(known.Key);
    return refuse("unknown GPU '" + gpu + "': expected one of " + names);
  }
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, gpu, number < 90 ? kPtxVersion : "", llvm::TargetOptions(),
      std::nullopt, std::nullopt, *llvm::CodeGenOpt::getLevel(optimization)));
  return machine;
}

/// What has no bytes of its own is the shared memory that a launch asks for.
/// LLVM would make a byte of it where the module owns it.
static void declareDynamicSharedMemory(llvm::Module &module) {
  for (llvm::GlobalVariable &global : module.globals())
    if (global.getAddressSpace() == unsigned(NVVM::NVVMMemorySpace::Shared) &&
        module.getDataLayout().getTypeAllocSize(global.getValueType()) == 0) {
      global.setInitializer(nullptr);
      global.setLinkage(llvm::GlobalValue::ExternalLinkage);
    }
}

FailureOr<std::string> effattn::generatePtx(ModuleOp module,
                                            llvm::TargetMachine &machine,
                                            unsigned optimization) {
  auto kernels = module.getOps<gpu::GPUModuleOp>();
  if (kernels.empty())
    return module.emitError("expected a function with something to compute, "
                            "but got no kernels");
  if (failed(checkIsLowered(*kernels.begin())))
    return failure();
  llvm::LLVMContext context;
  auto translated =
      translateModuleToLLVMIR(*kernels.begin(), context, "effattn");
  if (!translated)
    return failure();
  translated->setTargetTriple(machine.getTargetTriple());
  translated->setDataLayout(machine.createDataLayout());
  declareDynamicSharedMemory(*translated);
  if (llvm::Error error = linkDeviceMath(*translated))
    return module.emitError() << llvm::toString(std::move(error));
  if (failed(optimize(module, *translated, machine, optimization)))
    return failure();
  auto code = generateCode(module, *translated, machine,
                           llvm::CodeGenFileType::AssemblyFile);
  if (failed(code))
    return failure();
  return std::string(code->data(), code->size());
}

void effattn::embedPtx(ModuleOp module, llvm::StringRef ptx) {
  SymbolTable symbols(module);
  Location loc = module.getLoc();
  LLVM::GlobalOp image = createText(symbols, loc, "effattn_ptx", ptx);
  for (auto global :
       llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>())) {
    llvm::StringRef name = global.getName();
    if (!name.consume_front(kKernelPrefix) || global.getInitializerBlock() ||
        global.getValueAttr())
      continue;
    defineKernel(global, createText(symbols, loc, "effattn_name", name),
                 /*thread=*/nullptr, image);
  }
  for (auto kernels :
       llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>()))
    kernels.erase();
}

//===----------------------------------------------------------------------===//
// Machine code
//===----------------------------------------------------------------------===//

/// A program of CUDA; empty if there is none.
static std::string findCudaProgram(llvm::StringRef name) {
  llvm::SmallVector<std::string> folders;
  for (llvm::StringRef variable : {"CUDA_HOME", "CUDA_PATH"})
    if (auto root = llvm::sys::Process::GetEnv(variable))
      folders.push_back(*root + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  llvm::SmallVector<llvm::StringRef> places(folders.begin(), folders.end());
  if (auto path = llvm::sys::findProgramByName(name))
    return *path;
  if (auto path = llvm::sys::findProgramByName(name, places))
    return *path;
  return "";
}

/// Reads what `ptxas -v` prints: for each kernel a line with its name, one with
/// its stack and spills, one with its registers and shared memory.
static std::vector<KernelResources> parseResources(llvm::StringRef text) {
  std::vector<KernelResources> kernels;
  llvm::Regex name("entry function '([^']*)'"),
      stack("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) "
            "bytes spill loads"),
      registers("Used ([0-9]+) registers"), shared("([0-9]+) bytes smem");
  auto number = [](llvm::StringRef digits) {
    unsigned value = 0;
    digits.getAsInteger(10, value);
    return value;
  };
  llvm::SmallVector<llvm::StringRef> lines, found;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (name.match(line, &found))
      kernels.emplace_back().name = found[1].str();
    if (kernels.empty())
      continue;
    KernelResources &kernel = kernels.back();
    if (stack.match(line, &found)) {
      kernel.stackBytes = number(found[1]);
      kernel.spillBytes = number(found[2]) + number(found[3]);
    }
    if (registers.match(line, &found))
      kernel.registers = number(found[1]);
    if (shared.match(line, &found))
      kernel.sharedBytes = number(found[1]);
  }
  return kernels;
}

llvm::Expected<Cubin> effattn::assemblePtx(llvm::StringRef ptx,
                                           llvm::StringRef gpu) {
  std::string program = findCudaProgram("ptxas");
  if (program.empty())
    return refuse("ptxas, which makes machine code of PTX, was not found: put "
                  "it on the PATH (it is part of CUDA, and of the Python "
                  "package nvidia-cuda-nvcc), or write PTX, which needs no "
                  "CUDA");
  auto folder = PrivateFolder::create();
  if (!folder)
    return folder.takeError();
  std::string input = folder->file("kernels.ptx"),
              output = folder->file("kernels.cubin"),
              messages = folder->file("messages");
  if (llvm::Error error = writeFiles(OutputFile{input, ptx}))
    return std::move(error);
  std::string architecture = ("-arch=" + gpu).str();
  std::string reason;
  int code = runProgram({program, "-v", architecture, input, "-o", output},
                        messages, messages, reason);
  auto said = llvm::MemoryBuffer::getFile(messages);
  llvm::StringRef text = said ? (*said)->getBuffer().trim() : "";
  if (code)
    return refuse(
        "ptxas refused the kernels for " + gpu + ": " +
        (text.empty() ? llvm::StringRef(reason) : text.split('\n').first));
  auto machineCode = llvm::MemoryBuffer::getFile(output);
  if (!machineCode)
    return refuse("cannot read what ptxas wrote: " +
                  describe(machineCode.getError()));
  return Cubin{(*machineCode)->getBuffer().str(), parseResources(text)};
}

std::string effattn::disassemble(llvm::StringRef machineCode) {
  std::string program = findCudaProgram("nvdisasm");
  auto folder = PrivateFolder::create();
  if (!folder)
    llvm::consumeError(folder.takeError());
  if (program.empty() || !folder)
    return "";
  std::string input = folder->file("kernels.cubin"),
              output = folder->file("listing");
  if (llvm::Error error = writeFiles(OutputFile{input, machineCode})) {
    llvm::consumeError(std::move(error));
    return "";
  }
  std::string reason;
  if (runProgram({program, "-c", input}, output, /*errors=*/"", reason))
    return "";
  auto listing = llvm::MemoryBuffer::getFile(output);
  return listing ? (*listing)->getBuffer().str() : "";
}
