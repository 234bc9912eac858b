//===- RuntimeCalls.h - Calls of the support code -------------------------===//
#ifndef EFFATTN_LIB_TRANSFORMS_RUNTIMECALLS_H
#define EFFATTN_LIB_TRANSFORMS_RUNTIMECALLS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::effattn {

/// Declares a function of lib/Runtime/Support, once a module.
LLVM::LLVMFuncOp declareRuntime(OpBuilder &builder, ModuleOp module,
                                SymbolTable &symbols, StringRef name,
                                LLVM::LLVMFunctionType type);

/// The address of a new constant string, which ends in a zero byte. `name` is
/// its symbol, made unique.
Value emitString(OpBuilder &builder, ModuleOp module, SymbolTable &symbols,
                 Location loc, StringRef name, StringRef text);

} // namespace mlir::effattn

#endif // EFFATTN_LIB_TRANSFORMS_RUNTIMECALLS_H
