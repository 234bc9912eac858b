//===- Registration.cpp - Dialects and passes of every tool ---------------===//
#include "effattn/CodeGen/CPU/Intrinsics.h"
#include "effattn/CodeGen/CPU/Passes.h"
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/Conversion/Passes.h"
#include "effattn/Dialect/Bufferization.h"
#include "effattn/Dialect/EffAttn.h"
#include "effattn/Dialect/RowTiling.h"
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Schedule/Schedule.h"
#include "effattn/Target/Passes.h"
#include "effattn/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace mlir;
using namespace mlir::effattn;

void effattn::registerEverything(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registerDialect(registry);
}

void effattn::registerDialect(DialectRegistry &registry) {
  registry.insert<EffAttnDialect>();
  registerBufferizationModels(registry);
  registerRowTilingModels(registry);
  registerIntrinsicModels(registry);
  registerScheduleOps(registry);
}

namespace {
struct EntryFlags : PassPipelineOptions<EntryFlags> {
  Option<std::string> symbolPrefix{
      *this, "symbol-prefix", llvm::cl::desc("Put before every exported name")};
  ListOption<std::string> cpuFeatures{
      *this, "cpu-features",
      llvm::cl::desc("Features of the CPU that entry points check for")};

  PipelineOptions read() const {
    PipelineOptions options;
    options.symbolPrefix = symbolPrefix;
    options.cpuFeatures.assign(cpuFeatures.begin(), cpuFeatures.end());
    return options;
  }
};

struct CpuFlags : EntryFlags {
  Option<bool> openmp{*this, "openmp",
                      llvm::cl::desc("Run parallel loops with OpenMP"),
                      llvm::cl::init(true)};
  Option<bool> tuned{*this, "tuned",
                     llvm::cl::desc("Use the tuned expansions of hot ops"),
                     llvm::cl::init(true)};
  Option<bool> trace{*this, "trace", llvm::cl::desc("Record when each op runs"),
                     llvm::cl::init(false)};
  ListOption<std::string> tiling{
      *this, "tiling",
      llvm::cl::desc("Sizes of caches and blocks of tuned code, NAME:NUMBER")};
};

struct NvptxFlags : EntryFlags {
  Option<bool> emulated{*this, "emulated",
                        llvm::cl::desc("Run kernels on the host"),
                        llvm::cl::init(false)};
  Option<bool> tuned{*this, "tuned",
                     llvm::cl::desc("Use the kernels built for hot ops"),
                     llvm::cl::init(true)};
  Option<bool> tf32{
      *this, "tf32",
      llvm::cl::desc("Multiply f32 on tensor cores, rounded to tf32"),
      llvm::cl::init(false)};
};
} // namespace

static void addStages(OpPassManager &manager, const PipelineOptions &options) {
  for (const Stage &stage : getStages(options.target))
    if (failed(addStage(manager, stage, options)))
      llvm::report_fatal_error("a pass of the pipeline is missing");
}

void effattn::registerEveryPass() {
  // Tools may ask twice; a pass may be registered once.
  static bool done = false;
  if (std::exchange(done, true))
    return;
  registerAllPasses();
  registerPasses();
}

void effattn::registerPasses() {
  registerEffAttnCPUPasses();
  registerEffAttnGPUPasses();
  registerEffAttnConversionPasses();
  registerEffAttnTargetPasses();
  registerEffAttnTransformsPasses();
  PassPipelineRegistration<CpuFlags>(
      "effattn-cpu-pipeline",
      "Compile effattn on tensors to the LLVM dialect for the CPU",
      [](OpPassManager &manager, const CpuFlags &flags) {
        PipelineOptions options = flags.read();
        options.openmp = flags.openmp;
        options.tuned = flags.tuned;
        options.trace = flags.trace;
        options.tiling.assign(flags.tiling.begin(), flags.tiling.end());
        addStages(manager, options);
      });
  PassPipelineRegistration<NvptxFlags>(
      "effattn-nvptx-pipeline",
      "Compile effattn on tensors to the LLVM and NVVM dialects for a GPU",
      [](OpPassManager &manager, const NvptxFlags &flags) {
        PipelineOptions options = flags.read();
        options.target =
            flags.emulated ? TargetKind::NvptxEmulated : TargetKind::Nvptx;
        options.openmp = false;
        options.tuned = flags.tuned;
        options.tf32 = flags.tf32;
        addStages(manager, options);
      });
}
