//===- Runtime.cpp - What compiled code and its GPU runtime agree on ------===//
#include "effattn/CodeGen/GPU/Runtime.h"

using namespace mlir;
using namespace mlir::effattn;

LLVM::GlobalOp effattn::createText(SymbolTable &symbols, Location loc,
                                   StringRef stem, StringRef text) {
  auto module = cast<ModuleOp>(symbols.getOp());
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  std::string terminated = (text + Twine('\0')).str();
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), terminated.size());
  auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                       LLVM::Linkage::Private, stem,
                                       builder.getStringAttr(terminated));
  symbols.insert(global);
  return global;
}

void effattn::defineKernel(LLVM::GlobalOp kernel, Operation *name,
                           Operation *thread, Operation *image) {
  Location loc = kernel.getLoc();
  OpBuilder builder(kernel.getContext());
  Type pointer = LLVM::LLVMPointerType::get(kernel.getContext());
  kernel.setLinkage(LLVM::Linkage::Internal);
  builder.createBlock(&kernel.getInitializerRegion());
  Value entries = LLVM::UndefOp::create(builder, loc, kernel.getType());
  int64_t position = 0;
  for (Operation *symbol : {name, thread, image}) {
    Value entry;
    if (symbol)
      entry = LLVM::AddressOfOp::create(
          builder, loc, pointer, SymbolTable::getSymbolName(symbol).getValue());
    else
      entry = LLVM::ZeroOp::create(builder, loc, pointer);
    entries =
        LLVM::InsertValueOp::create(builder, loc, entries, entry, position++);
  }
  LLVM::ReturnOp::create(builder, loc, entries);
}
