//===- TranslateToLLVM.h - From the LLVM dialect to code ------------------===//
#ifndef EFFATTN_TARGET_TRANSLATETOLLVM_H
#define EFFATTN_TARGET_TRANSLATETOLLVM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace mlir::effattn {

/// Tells in one sentence which op no pass has lowered, before a translation.
LogicalResult checkIsLowered(Operation *source);

/// Translates a module of the LLVM dialect for a machine and links the support
/// code into it. Only the C entry points, their signatures and the weak
/// `effattn_last_error` stay visible. Null, with an error at the module, on
/// failure.
std::unique_ptr<llvm::Module> translateToLLVM(ModuleOp module,
                                              llvm::LLVMContext &context,
                                              llvm::TargetMachine &machine);

/// Runs LLVM's pipeline of a level, 0 to 3.
LogicalResult optimize(ModuleOp source, llvm::Module &module,
                       llvm::TargetMachine &machine, unsigned level);

/// Generates assembly or an object.
FailureOr<SmallVector<char, 0>> generateCode(ModuleOp source,
                                             llvm::Module &module,
                                             llvm::TargetMachine &machine,
                                             llvm::CodeGenFileType kind);

} // namespace mlir::effattn

#endif // EFFATTN_TARGET_TRANSLATETOLLVM_H
