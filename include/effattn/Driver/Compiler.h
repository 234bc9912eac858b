//===- Compiler.h - From IR in memory to bytes in memory ------------------===//
#ifndef EFFATTN_DRIVER_COMPILER_H
#define EFFATTN_DRIVER_COMPILER_H

#include "effattn/CodeGen/CPU/CpuModel.h"
#include "effattn/Driver/OutputKind.h"
#include "effattn/Driver/StageTimes.h"
#include "effattn/Pipelines/Pipelines.h"
#include "effattn/Target/Kernels.h"
#include "effattn/Target/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace mlir::effattn {

/// `nvptx`, `nvptx-emulated`, or the CPU.
TargetKind readTarget(llvm::StringRef name);

struct CompilerOptions {
  TargetKind target = TargetKind::Cpu;
  /// The stage that the input is the result of; empty for plain input.
  std::string from;
  /// What kernels of TargetKind::Nvptx are for, by LLVM's name.
  std::string gpu = "sm_80";
  /// Tuned kernels multiply f32 on tensor cores, rounded to tf32.
  bool gpuTf32 = false;
  /// That of the host where `target` is another.
  MachineOptions machine;
  bool openmp = true;
  /// Hot ops take the tuned expansions where there are any.
  bool tuned = true;
  /// Sizes of caches and blocks of tuned code as name:number, where the cost
  /// model is not to choose.
  std::vector<std::string> tiling;
  /// Put before every exported name.
  std::string symbolPrefix;
  /// Names the header's guard and the archive's member.
  std::string name = "model";
  /// Name that users of the shared library look for; none when empty.
  std::string soname;
  /// Functions for the CPU record when each op runs and what it takes.
  bool trace = false;
  /// Machine code and MLIR say from which line of the input they are.
  bool debugInfo = false;
  /// Remarks of passes whose name matches this regular expression are written
  /// beside errors; none when empty.
  std::string remarks;
};

/// Sizes of the sections of an object.
struct ObjectSizes {
  uint64_t code = 0, data = 0, zeroFilled = 0;
};

struct Compiled {
  /// The text or the bytes that were asked for.
  std::unique_ptr<llvm::MemoryBuffer> content;
  /// What belongs beside an object or a library; empty for other kinds.
  std::string header, json;
  std::optional<ObjectSizes> sizes;
  /// Of PTX and machine code for a GPU.
  std::vector<KernelReport> kernels;
  llvm::StringMap<LaunchShape> launches;
};

class Compiler {
public:
  /// Fails when the options name no machine that code can be made for.
  static llvm::Expected<Compiler> create(CompilerOptions options);
  Compiler(Compiler &&) noexcept;
  ~Compiler();

  /// Compiles IR, text or bytecode. Errors are written to `diagnostics` with
  /// their place in the source.
  FailureOr<Compiled> compile(std::unique_ptr<llvm::MemoryBuffer> source,
                              OutputKind kind, StageTimes &times,
                              llvm::raw_ostream &diagnostics) const;

  bool isTuned() const { return options.tuned; }
  /// What tuned code is made by.
  CpuModel getCpuModel() const;

  /// The one argument that effattn-opt needs to run the same passes.
  std::string printPipeline() const;

private:
  Compiler(CompilerOptions options,
           std::unique_ptr<llvm::TargetMachine> machine,
           std::unique_ptr<llvm::TargetMachine> gpuMachine);
  PipelineOptions getPipelineOptions() const;
  std::vector<std::string> getTiling() const;
  LogicalResult runStages(ModuleOp module, OutputKind kind, StageTimes &times,
                          llvm::StringMap<LaunchShape> &launches) const;
  LogicalResult describeFunctions(ModuleOp module, Compiled &compiled) const;
  LogicalResult generateKernels(ModuleOp module, OutputKind kind,
                                StageTimes &times,
                                llvm::raw_ostream &diagnostics,
                                Compiled &compiled) const;
  LogicalResult generate(ModuleOp module, OutputKind kind, StageTimes &times,
                         llvm::raw_ostream &diagnostics,
                         Compiled &compiled) const;

  CompilerOptions options;
  std::unique_ptr<llvm::TargetMachine> machine, gpuMachine;
};

/// Entries of CompilerOptions::tiling: `argument` itself, which has commas
/// between them, or those of the object "tiling" in the file of JSON that it
/// names.
llvm::Expected<std::vector<std::string>> readTiling(llvm::StringRef argument);

/// Reads a file, or standard input for `-`; the error names the file and says
/// why.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readFile(llvm::StringRef path);

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_COMPILER_H
