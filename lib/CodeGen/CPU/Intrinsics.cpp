//===- Intrinsics.cpp - What intrinsics of CPUs do ------------------------===//
#include "effattn/CodeGen/CPU/Intrinsics.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::effattn;

namespace {
/// Without a model, calls of intrinsics may do anything, and what comes before
/// them is not deallocated.
struct IntrinsicEffects
    : MemoryEffectOpInterface::ExternalModel<IntrinsicEffects,
                                             LLVM::CallIntrinsicOp> {
  void
  getEffects(Operation *op,
             SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
                 &effects) const {
    StringRef name = cast<LLVM::CallIntrinsicOp>(op).getIntrin();
    static constexpr StringLiteral arithmetic[] = {
        "llvm.x86.avx512.vpdpbusd.", "llvm.x86.avx512bf16.dpbf16ps.",
        "llvm.x86.avx512.pmadd",     "llvm.x86.avx2.pmadd.",
        "llvm.x86.sse2.pmadd.",      "llvm.x86.ssse3.pmadd.",
        "llvm.x86.ssse3.psign.",     "llvm.x86.avx2.psign."};
    if (llvm::any_of(arithmetic, [&](StringRef prefix) {
          return name.starts_with(prefix);
        }))
      return;
    effects.emplace_back(MemoryEffects::Read::get());
    effects.emplace_back(MemoryEffects::Write::get());
    effects.emplace_back(MemoryEffects::Allocate::get());
    effects.emplace_back(MemoryEffects::Free::get());
  }
};
} // namespace

void effattn::registerIntrinsicModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LLVM::LLVMDialect *) {
    LLVM::CallIntrinsicOp::attachInterface<IntrinsicEffects>(*context);
  });
}
