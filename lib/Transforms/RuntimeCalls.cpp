//===- RuntimeCalls.cpp - Calls of the support code -----------------------===//
#include "RuntimeCalls.h"

using namespace mlir;
using namespace mlir::effattn;

LLVM::LLVMFuncOp effattn::declareRuntime(OpBuilder &builder, ModuleOp module,
                                         SymbolTable &symbols, StringRef name,
                                         LLVM::LLVMFunctionType type) {
  if (auto function = symbols.lookup<LLVM::LLVMFuncOp>(name))
    return function;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto function =
      LLVM::LLVMFuncOp::create(builder, module.getLoc(), name, type);
  symbols.insert(function);
  return function;
}

Value effattn::emitString(OpBuilder &builder, ModuleOp module,
                          SymbolTable &symbols, Location loc, StringRef name,
                          StringRef text) {
  std::string terminated = (text + Twine('\0')).str();
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), terminated.size());
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                    LLVM::Linkage::Private, name,
                                    builder.getStringAttr(terminated));
    symbols.insert(global);
  }
  return LLVM::AddressOfOp::create(builder, loc, global);
}
