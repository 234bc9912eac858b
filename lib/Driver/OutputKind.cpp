//===- OutputKind.cpp - What the compiler can write -----------------------===//
#include "effattn/Driver/OutputKind.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir::effattn;

static constexpr bool Text = true, Gpu = true, Companions = true;

static constexpr OutputKindInfo kinds[] = {
    {OutputKind::MlirEffAttn, "mlir-effattn", ".mlir",
     "the input, verified, inlined and simplified", Text},
    {OutputKind::MlirFused, "mlir-fused", ".mlir", "ops of effattn fused",
     Text},
    {OutputKind::MlirLinalg, "mlir-linalg", ".mlir",
     "entry points, checks, linalg on tensors", Text},
    {OutputKind::MlirBuffers, "mlir-buffers", ".mlir",
     "buffers in place of tensors", Text},
    {OutputKind::MlirLoops, "mlir-loops", ".mlir", "loops", Text},
    {OutputKind::MlirGpu, "mlir-gpu", ".mlir", "kernels (--target=nvptx)", Text,
     Gpu},
    {OutputKind::MlirLlvm, "mlir-llvm", ".mlir",
     "the LLVM dialect; what -o x.mlir means", Text},
    {OutputKind::LlvmIr, "llvm-ir", ".ll", "LLVM IR, optimized", Text},
    {OutputKind::Assembly, "asm", ".s", "assembly", Text},
    {OutputKind::Object, "obj", ".o", "an object; the default", !Text, !Gpu,
     Companions},
    {OutputKind::StaticLibrary, "static-lib", ".a", "a static library", !Text,
     !Gpu, Companions},
    {OutputKind::SharedLibrary, "shared-lib", ".so", "a shared library", !Text,
     !Gpu, Companions},
    {OutputKind::Header, "header", ".h", "the C header of the functions", Text},
    {OutputKind::Json, "json", ".json", "the signatures of the functions",
     Text},
    {OutputKind::Ptx, "ptx", ".ptx", "kernels as PTX (--target=nvptx)", Text,
     Gpu},
    {OutputKind::Cubin, "cubin", ".cubin",
     "kernels as machine code (--target=nvptx)", !Text, Gpu}};

llvm::ArrayRef<OutputKindInfo> mlir::effattn::getOutputKinds() { return kinds; }

const OutputKindInfo &mlir::effattn::getInfo(OutputKind kind) {
  return *llvm::find_if(
      kinds, [&](const OutputKindInfo &info) { return info.kind == kind; });
}

static llvm::Error refuse(const llvm::Twine &sentence) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), sentence);
}

/// Null for an extension that no stage has. Of the stages that share one, the
/// last: it is the nearest to what a program needs.
static const OutputKindInfo *findByExtension(llvm::StringRef extension) {
  const OutputKindInfo *found = nullptr;
  for (const OutputKindInfo &info : kinds)
    if (!extension.empty() && info.extension == extension)
      found = &info;
  return found;
}

static llvm::Error refuseStage(llvm::StringRef stage) {
  std::string names;
  for (const OutputKindInfo &info : kinds)
    names += (names.empty() ? "" : ", ") + info.name.str();
  return refuse("unknown stage '" + stage +
                "' in --emit; the stages are, in "
                "order: " +
                names);
}

llvm::Expected<OutputKind>
mlir::effattn::chooseOutputKind(llvm::StringRef stage, llvm::StringRef output) {
  llvm::StringRef extension = llvm::sys::path::extension(output);
  const OutputKindInfo *byExtension = findByExtension(extension);
  if (stage.empty())
    return byExtension ? byExtension->kind : OutputKind::Object;
  const auto *wanted = llvm::find_if(
      kinds, [&](const OutputKindInfo &info) { return info.name == stage; });
  if (wanted == std::end(kinds))
    return refuseStage(stage);
  if (byExtension && extension != wanted->extension)
    return refuse("--emit=" + stage + " writes " + wanted->description +
                  ", but the output '" + output + "' ends like " +
                  byExtension->name + ": drop --emit or name the output *" +
                  wanted->extension);
  return wanted->kind;
}
