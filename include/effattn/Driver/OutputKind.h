//===- OutputKind.h - What the compiler can write -------------------------===//
#ifndef EFFATTN_DRIVER_OUTPUTKIND_H
#define EFFATTN_DRIVER_OUTPUTKIND_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::effattn {

/// The stages of `--emit`, in order.
enum class OutputKind {
  MlirEffAttn,
  MlirFused,
  MlirLinalg,
  MlirBuffers,
  MlirLoops,
  MlirGpu,
  MlirLlvm,
  LlvmIr,
  Assembly,
  Object,
  StaticLibrary,
  SharedLibrary,
  Header,
  Json,
  Ptx,
  Cubin,
};

struct OutputKindInfo {
  OutputKind kind;
  llvm::StringLiteral name;
  /// With the dot; several stages share `.mlir`.
  llvm::StringLiteral extension;
  llvm::StringLiteral description;
  bool isText = false;
  bool needsGpu = false;
  /// The header and the JSON signature are written beside it.
  bool hasCompanions = false;
};

llvm::ArrayRef<OutputKindInfo> getOutputKinds();
const OutputKindInfo &getInfo(OutputKind kind);

/// What to write, from `--emit` (empty when absent) and the name of the output
/// (empty when absent). Fails when they contradict.
llvm::Expected<OutputKind> chooseOutputKind(llvm::StringRef stage,
                                            llvm::StringRef output);

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_OUTPUTKIND_H
