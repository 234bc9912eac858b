//===- Pipelines.cpp - From tensors to the LLVM dialect, stage by stage ---===//
#include "effattn/Pipelines/Pipelines.h"

#include "effattn/CodeGen/CPU/CpuModel.h"

#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::effattn;

/// What was written, in its shortest form: one module without calls.
static std::string readPasses(const PipelineOptions &) {
  return "inline,symbol-dce,canonicalize,cse";
}

/// What tuned code is made for. An entry that is no tiling is an error of the
/// passes that take the options.
static CpuModel getCpuModel(const PipelineOptions &options) {
  CpuModel cpu = CpuModel::fromFeatures(options.cpuFeatures);
  llvm::consumeError(cpu.setTilings(options.tiling));
  return cpu;
}

static std::string fusePasses(const PipelineOptions &options) {
  std::string pack =
      options.tuned && options.target == TargetKind::Cpu
          ? ",effattn-pack-constants{columns=" +
                std::to_string(getCpuModel(options).tileColumns()) + "}"
          : "";
  return "canonicalize,cse,effattn-fuse-dechunk-residual,"
         "effattn-fuse-product-top-k,effattn-fuse-address-decode,"
         "effattn-fuse-separator-cache,"
         "effattn-simplify-masks,effattn-raise-gated-ffn,"
         "effattn-raise-hourglass" +
         pack;
}

/// Fusions into tiles of rows, for products that are made tile by tile. Tuned
/// products take all rows at once.
static std::string tileFusionPasses(const PipelineOptions &options) {
  return options.tuned ? ""
                       : "effattn-fuse-hourglass,effattn-fuse-norm-matmul,";
}

/// What expansionPasses() expands.
static constexpr llvm::StringLiteral kExpanded =
    "effattn.address_memory,effattn.attention,effattn.chunk,"
    "effattn.gated_ffn,effattn.hourglass_ffn,effattn.lora_embedding,"
    "effattn.moe_ffn,effattn.packed_matmul,effattn.product_softmax,"
    "effattn.product_softmax_top_k,effattn.quantized_matmul,"
    "effattn.tensor_train_embedding";

/// What kernelBuilderPasses() makes kernels of.
static constexpr llvm::StringLiteral kBuiltAsKernels =
    "effattn.address_memory,effattn.attention,effattn.boundary_count,"
    "effattn.boundary_probability,effattn.cache_attention,effattn.chunk,"
    "effattn.dechunk,effattn.embedding,effattn.gated_ffn,"
    "effattn.hourglass_ffn,effattn.kv_cache_append,effattn.layer_norm,"
    "effattn.lora_embedding,effattn.moe_ffn,effattn.moe_route,"
    "effattn.product_softmax,effattn.product_softmax_top_k,"
    "effattn.quantized_embedding,effattn.quantized_matmul,"
    "effattn.ratio_loss,effattn.rms_norm,effattn.rotary_embedding,"
    "effattn.separator_cache_append,effattn.separator_cache_compact,"
    "effattn.separator_cache_update,effattn.split_embedding,"
    "effattn.systematic_attention,effattn.tensor_train_embedding,"
    "effattn.top_k,effattn.vector_quantize";

/// All ops, or all but those named, which hot code is made of later.
static std::string convertPasses(const PipelineOptions &options,
                                 StringRef except, StringRef flags) {
  std::string choice =
      options.tuned ? ("{except=" + except + flags + "}").str() : "";
  return "effattn-convert-to-linalg" + choice + ",canonicalize,cse";
}

static std::string linalgPasses(const PipelineOptions &options) {
  std::string checks =
      "convert-elementwise-to-linalg,effattn-prepare-entry-points,"
      "effattn-insert-checks" +
      std::string(options.tuned ? "{later=effattn.chunk}" : "") +
      ",effattn-lower-packs,canonicalize,cse,";
  // No kernel is launched from a parallel loop, which becomes one itself.
  if (options.target != TargetKind::Cpu)
    return checks + "effattn-lower-spans{discard=true}," +
           convertPasses(options, kBuiltAsKernels, " except-in-parallel=false");
  return checks + "effattn-fuse-embedding-norm," + tileFusionPasses(options) +
         "effattn-fuse-quantized-top-k," +
         (options.trace ? "effattn-trace-ops," : "") +
         "effattn-tile-contractions" +
         (options.tuned ? "{integers-only=true}," : ",") +
         convertPasses(options, kExpanded, "");
}

/// Results are built in the memory they go to, and states are updated where
/// they are.
static std::string bufferPasses(const PipelineOptions &) {
  return "effattn-build-results-in-place,"
         "one-shot-bufferize{bufferize-function-boundaries=true "
         "function-boundary-type-conversion=identity-layout-map "
         "allow-return-allocs-from-loops=true},"
         "canonicalize,cse";
}

/// The expansions of hot ops, and an order for the products that have none.
static std::string expansionPasses(const PipelineOptions &options) {
  if (!options.tuned)
    return "";
  std::string cpu = CpuModel::fromFeatures(options.cpuFeatures).printOptions();
  if (!options.tiling.empty())
    cpu += " tiling=" + llvm::join(options.tiling, ",");
  auto expand = [&](StringRef ops) {
    return ("effattn-expand-" + ops + "{" + cpu + "},").str();
  };
  // Feed-forward layers become contractions, some of which are equal.
  return expand("feed-forward") + "effattn-outline-kernels," +
         expand("address-memory") + expand("attention") + expand("concepts") +
         expand("embeddings") + expand("product-softmax") +
         expand("quantized") + expand("contractions") + expand("functions") +
         "effattn-tile-contractions,canonicalize,cse,";
}

/// Builders of kernels free what they allocate: deallocation does not look
/// into kernels.
static std::string kernelBuilderPasses(const PipelineOptions &options) {
  if (!options.tuned)
    return "";
  std::string rounding = options.tf32 ? "{tf32=true}," : ",";
  return "effattn-build-cache-kernels,effattn-build-attention-kernels" +
         rounding +
         "effattn-build-concept-kernels,effattn-build-feed-forward-kernels" +
         rounding +
         "effattn-build-memory-kernels,effattn-build-norm-kernels,"
         "effattn-build-product-kernels" +
         rounding +
         "effattn-build-product-softmax-kernels,"
         "effattn-build-quantized-kernels,"
         "effattn-build-rotary-kernels,"
         "effattn-build-top-k-kernels,";
}

/// Deallocation comes behind the expansions, whose scratch it frees, too.
static std::string loopPasses(const PipelineOptions &options) {
  if (options.target != TargetKind::Cpu)
    return "buffer-deallocation-pipeline,convert-bufferization-to-memref,"
           "effattn-shorten-lifetimes," +
           kernelBuilderPasses(options) +
           "effattn-expand-copies{all=true},canonicalize,cse,"
           "func.func(convert-linalg-to-parallel-loops),canonicalize,cse,"
           "effattn-sum-in-registers,canonicalize,cse,"
           "loop-invariant-code-motion";
  return expansionPasses(options) +
         "buffer-deallocation-pipeline,convert-bufferization-to-memref,"
         "effattn-shorten-lifetimes,"
         "effattn-expand-copies,canonicalize,cse,"
         "func.func(convert-linalg-to-parallel-loops),"
         "effattn-limit-parallelism" +
         std::string(options.openmp ? "" : "{threads=false}") +
         ",canonicalize,cse,"
         "loop-invariant-code-motion" +
         (options.openmp ? "" : ",effattn-outline-loops");
}

static std::string gpuPasses(const PipelineOptions &) {
  return "effattn-launch-kernels,canonicalize,cse";
}

/// From gpu.func to functions of the LLVM and NVVM dialects. GPUs have
/// instructions for bf16, unlike the host that emulates them.
static std::string kernelPasses(bool emulated) {
  return "gpu.module(loop-invariant-code-motion,convert-nvgpu-to-nvvm,"
         "convert-vector-to-scf,expand-strided-metadata,"
         "arith-expand{include-bf16=" +
         std::string(emulated ? "true" : "false") +
         "},lower-affine,convert-scf-to-cf,"
         "convert-gpu-to-nvvm{index-bitwidth=64},canonicalize,cse,"
         "reconcile-unrealized-casts),";
}

/// bf16 conversions are expanded to integer arithmetic: not every target has
/// instructions for them, and libgcc 12 has no functions.
static std::string llvmPasses(const PipelineOptions &options) {
  std::string parallel =
      options.openmp ? "effattn-share-loops,convert-scf-to-openmp,canonicalize,"
                     : "";
  std::string openmp = options.openmp ? "convert-openmp-to-llvm," : "";
  std::string prefix = options.symbolPrefix.empty()
                           ? ""
                           : " symbol-prefix=" + options.symbolPrefix;
  std::string features =
      options.cpuFeatures.empty()
          ? ""
          : " cpu-features=" + llvm::join(options.cpuFeatures, ",");
  bool onDevice = options.target != TargetKind::Cpu;
  bool emulated = options.target == TargetKind::NvptxEmulated;
  std::string kernels =
      onDevice ? "effattn-lower-launches," + kernelPasses(emulated) : "";
  std::string emulation = emulated ? "effattn-emulate-kernels," : "";
  std::string device = emulated   ? " device=effattn_emulator"
                       : onDevice ? " device=effattn_cuda"
                                  : "";
  return parallel + kernels +
         "expand-strided-metadata,arith-expand{include-bf16=true},lower-affine,"
         "convert-scf-to-cf,effattn-lower-checks,effattn-lower-spans,"
         "effattn-verify-lowered,expand-strided-metadata,"
         "convert-vector-to-llvm,convert-math-to-llvm,convert-math-to-libm,"
         "finalize-memref-to-llvm{use-aligned-alloc=true "
         "use-generic-functions=true},"
         "convert-arith-to-llvm,convert-index-to-llvm,convert-func-to-llvm,"
         "convert-cf-to-llvm,convert-ub-to-llvm," +
         openmp + "reconcile-unrealized-casts,canonicalize,cse," + emulation +
         "effattn-emit-entry-points{" +
         StringRef(prefix + features + device).trim().str() + "}";
}

ArrayRef<Stage> effattn::getStages(TargetKind target) {
  static const Stage stages[] = {
      {"mlir-effattn", readPasses},  {"mlir-fused", fusePasses},
      {"mlir-linalg", linalgPasses}, {"mlir-buffers", bufferPasses},
      {"mlir-loops", loopPasses},    {"mlir-gpu", gpuPasses},
      {"mlir-llvm", llvmPasses}};
  static const Stage cpuStages[] = {stages[0], stages[1], stages[2],
                                    stages[3], stages[4], stages[6]};
  if (target == TargetKind::Cpu)
    return cpuStages;
  return stages;
}

LogicalResult effattn::addStage(OpPassManager &manager, const Stage &stage,
                                const PipelineOptions &options) {
  return parsePassPipeline(stage.passes(options), manager);
}

std::string effattn::printPipeline(const PipelineOptions &options) {
  bool onCpu = options.target == TargetKind::Cpu;
  std::string flags =
      onCpu ? "-effattn-cpu-pipeline=" : "-effattn-nvptx-pipeline=";
  if (onCpu)
    flags += options.openmp ? "openmp=true" : "openmp=false";
  else
    flags += options.target == TargetKind::Nvptx ? "emulated=false"
                                                 : "emulated=true";
  flags += options.tuned ? " tuned=true" : " tuned=false";
  if (options.tf32)
    flags += " tf32=true";
  if (onCpu && options.trace)
    flags += " trace=true";
  if (!options.symbolPrefix.empty())
    flags += " symbol-prefix=" + options.symbolPrefix;
  if (!options.cpuFeatures.empty())
    flags += " cpu-features=" + llvm::join(options.cpuFeatures, ",");
  if (onCpu && !options.tiling.empty())
    flags += " tiling=" + llvm::join(options.tiling, ",");
  return flags;
}
