//===- Pipelines.h - From tensors to the LLVM dialect, stage by stage -----===//
#ifndef EFFATTN_PIPELINES_PIPELINES_H
#define EFFATTN_PIPELINES_PIPELINES_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace mlir::effattn {

/// What functions run on. Emulated kernels are those of Nvptx, run by the host.
enum class TargetKind { Cpu, Nvptx, NvptxEmulated };

struct PipelineOptions {
  TargetKind target = TargetKind::Cpu;
  /// Parallel loops run with OpenMP; otherwise on the calling thread.
  bool openmp = true;
  /// Hot ops take the tuned expansions of CodeGen/CPU, or the kernels of
  /// CodeGen/GPU, where there are any.
  bool tuned = true;
  /// Tuned kernels multiply f32 on tensor cores, rounded to tf32.
  bool tf32 = false;
  /// Functions for the CPU record when each op runs and what it takes.
  bool trace = false;
  /// Put before every exported name.
  std::string symbolPrefix;
  /// Features that the entry checks before it runs the implementation.
  std::vector<std::string> cpuFeatures;
  /// Sizes of caches and blocks as name:number, where the cost model of
  /// CodeGen/CPU/CpuModel.h is not to choose.
  std::vector<std::string> tiling;
};

/// A stop on the way, under the name that `effattn-compile --emit` knows.
struct Stage {
  StringRef name;
  /// The passes from the stage before to this one, as a textual pipeline
  /// anchored on builtin.module.
  std::string (*passes)(const PipelineOptions &options);
};

/// In order: mlir-effattn, mlir-fused, mlir-linalg, mlir-buffers, mlir-loops,
/// mlir-gpu (but for the CPU), mlir-llvm.
ArrayRef<Stage> getStages(TargetKind target);

/// Adds the passes of a stage; all passes must be registered.
LogicalResult addStage(OpPassManager &manager, const Stage &stage,
                       const PipelineOptions &options);

/// The flag of `effattn-opt` that runs all stages.
std::string printPipeline(const PipelineOptions &options);

/// effattn and its interface models, for a registry that has upstream's.
void registerDialect(DialectRegistry &registry);

/// The passes and pipelines of effattn (`-effattn-cpu-pipeline`,
/// `-effattn-nvptx-pipeline`), which need upstream's.
void registerPasses();

/// Every dialect and interface model that IR files and pipelines need.
void registerEverything(DialectRegistry &registry);

/// Every pass and pipeline, upstream's too.
void registerEveryPass();

} // namespace mlir::effattn

#endif // EFFATTN_PIPELINES_PIPELINES_H
