//===- EmulateKernels.cpp - Kernels as functions of the host --------------===//
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/CodeGen/GPU/Runtime.h"
#include "effattn/Dialect/Place.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EMULATEKERNELSPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
class Emulation {
public:
  Emulation(ModuleOp module, bool checkMemory)
      : module(module), symbols(module), builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i32(builder.getI32Type()), i64(builder.getI64Type()),
        checkMemory(checkMemory) {}

  LogicalResult emulate(gpu::GPUModuleOp kernels);

private:
  LogicalResult emulate(LLVM::LLVMFuncOp kernel);
  LogicalResult emulate(Operation *op);
  void checkAccess(Operation *op, Value address, Type type, bool isWrite);
  void showTable(LLVM::AddressOfOp address);
  void replaceByCall(Operation *op, StringRef function, ValueRange operands);
  Value call(Location loc, StringRef function, ValueRange operands,
             Type result = nullptr);
  Value emitConstant(Location loc, Type type, int64_t value);
  Value emitString(Location loc, StringRef text);
  /// The function that takes a kernel's arguments from an array of pointers.
  LLVM::LLVMFuncOp emitThread(LLVM::LLVMFuncOp kernel, StringRef name);
  void moveTables(gpu::GPUModuleOp kernels);

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder builder;
  Type pointer, i32, i64;
  bool checkMemory;
  llvm::StringMap<LLVM::GlobalOp> strings;
};
} // namespace

Value Emulation::emitConstant(Location loc, Type type, int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, type,
                                  builder.getIntegerAttr(type, value));
}

Value Emulation::emitString(Location loc, StringRef text) {
  LLVM::GlobalOp &global = strings[text];
  if (!global)
    global = createText(symbols, loc, "effattn_place", text);
  return LLVM::AddressOfOp::create(builder, loc, global);
}

Value Emulation::call(Location loc, StringRef name, ValueRange operands,
                      Type result) {
  auto function = symbols.lookup<LLVM::LLVMFuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    Type type = result ? result : LLVM::LLVMVoidType::get(module.getContext());
    function = LLVM::LLVMFuncOp::create(
        builder, module.getLoc(), name,
        LLVM::LLVMFunctionType::get(type,
                                    llvm::to_vector(operands.getTypes())));
    symbols.insert(function);
  }
  auto made = LLVM::CallOp::create(builder, loc, function, operands);
  return result ? made.getResult() : Value();
}

/// Memory of the thread itself needs no check.
static bool isOnStack(Value address) {
  while (Operation *op = address.getDefiningOp()) {
    if (isa<LLVM::AllocaOp>(op))
      return true;
    if (!isa<LLVM::GEPOp, LLVM::BitcastOp, LLVM::AddrSpaceCastOp>(op))
      return false;
    address = op->getOperand(0);
  }
  return false;
}

void Emulation::checkAccess(Operation *op, Value address, Type type,
                            bool isWrite) {
  if (!checkMemory || isOnStack(address))
    return;
  Location loc = op->getLoc();
  builder.setInsertionPoint(op);
  Value plain = address;
  if (plain.getType() != pointer)
    plain = LLVM::AddrSpaceCastOp::create(builder, loc, pointer, plain);
  int64_t bytes = DataLayout::closest(module).getTypeSize(type);
  call(loc, "effattn_emulated_access",
       {plain, emitConstant(loc, i64, bytes), emitConstant(loc, i32, isWrite),
        emitString(loc, describePlace(loc))});
}

/// Tells the emulator of a table before it is read.
void Emulation::showTable(LLVM::AddressOfOp address) {
  if (!checkMemory)
    return;
  auto table = symbols.lookup<LLVM::GlobalOp>(address.getGlobalName());
  Location loc = address.getLoc();
  builder.setInsertionPointAfter(address);
  int64_t bytes = DataLayout::closest(module).getTypeSize(table.getType());
  Value plain = address;
  if (plain.getType() != pointer)
    plain = LLVM::AddrSpaceCastOp::create(builder, loc, pointer, plain);
  call(loc, "effattn_emulated_table", {plain, emitConstant(loc, i64, bytes)});
}

/// The number of a special register: 3 x {thread, block, threads of a block,
/// blocks} + {x, y, z}, as lib/Runtime/Emulator counts them.
static std::optional<int64_t> getRegister(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([](NVVM::ThreadIdXOp) { return 0; })
      .Case([](NVVM::ThreadIdYOp) { return 1; })
      .Case([](NVVM::ThreadIdZOp) { return 2; })
      .Case([](NVVM::BlockIdXOp) { return 3; })
      .Case([](NVVM::BlockIdYOp) { return 4; })
      .Case([](NVVM::BlockIdZOp) { return 5; })
      .Case([](NVVM::BlockDimXOp) { return 6; })
      .Case([](NVVM::BlockDimYOp) { return 7; })
      .Case([](NVVM::BlockDimZOp) { return 8; })
      .Case([](NVVM::GridDimXOp) { return 9; })
      .Case([](NVVM::GridDimYOp) { return 10; })
      .Case([](NVVM::GridDimZOp) { return 11; })
      .Default([](Operation *) { return std::nullopt; });
}

void Emulation::replaceByCall(Operation *op, StringRef function,
                              ValueRange operands) {
  Type type = op->getNumResults() ? op->getResult(0).getType() : Type();
  Value result = call(op->getLoc(), function, operands, type);
  if (result)
    op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

LogicalResult Emulation::emulate(Operation *op) {
  if (auto load = dyn_cast<LLVM::LoadOp>(op)) {
    checkAccess(op, load.getAddr(), load.getType(), /*isWrite=*/false);
    return success();
  }
  if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
    checkAccess(op, store.getAddr(), store.getValue().getType(),
                /*isWrite=*/true);
    return success();
  }
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    showTable(address);
    return success();
  }
  if (op->getDialect() != op->getContext()->getLoadedDialect("nvvm"))
    return success();
  builder.setInsertionPoint(op);
  if (std::optional<int64_t> number = getRegister(op)) {
    replaceByCall(op, "effattn_emulated_register",
                  emitConstant(op->getLoc(), i32, *number));
    return success();
  }
  return op->emitOpError("has no emulation");
}

LogicalResult Emulation::emulate(LLVM::LLVMFuncOp kernel) {
  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (op != kernel)
      ops.push_back(op);
  });
  for (Operation *op : ops)
    if (failed(emulate(op)))
      return failure();
  return success();
}

LLVM::LLVMFuncOp Emulation::emitThread(LLVM::LLVMFuncOp kernel,
                                       StringRef name) {
  Location loc = kernel.getLoc();
  Type nothing = LLVM::LLVMVoidType::get(module.getContext());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto thread = LLVM::LLVMFuncOp::create(
      builder, loc, (name + ".thread").str(),
      LLVM::LLVMFunctionType::get(nothing, pointer), LLVM::Linkage::Internal);
  symbols.insert(thread);
  Block *body = thread.addEntryBlock(builder);
  builder.setInsertionPointToStart(body);
  SmallVector<Value> arguments;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    Value place = LLVM::GEPOp::create(builder, loc, pointer, pointer,
                                      body->getArgument(0),
                                      ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value argument = LLVM::LoadOp::create(builder, loc, pointer, place);
    arguments.push_back(LLVM::LoadOp::create(builder, loc, type, argument));
  }
  LLVM::CallOp::create(builder, loc, kernel, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
  return thread;
}

/// Constant tables of the kernels become globals of the host.
void Emulation::moveTables(gpu::GPUModuleOp kernels) {
  SymbolTable inside(kernels);
  for (auto table :
       llvm::make_early_inc_range(kernels.getOps<LLVM::GlobalOp>())) {
    (void)inside.rename(table, (table.getName() + ".device").str());
    table->remove();
    table.setLinkage(LLVM::Linkage::Internal);
    symbols.insert(table, module.getBody()->begin());
  }
}

LogicalResult Emulation::emulate(gpu::GPUModuleOp kernels) {
  moveTables(kernels);
  for (Operation &op : llvm::make_early_inc_range(*kernels.getBody())) {
    auto kernel = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (!kernel)
      return op.emitOpError("cannot be emulated");
    std::string name = kernel.getName().str();
    Location loc = kernel.getLoc();
    kernel->remove();
    // The math library has the names it has on the device.
    if (!kernel.isExternal())
      kernel.setName(name + ".emulated");
    if (symbols.lookup(kernel.getName())) {
      kernel->erase();
      continue;
    }
    kernel->removeAttr(NVVM::NVVMDialect::getKernelFuncAttrName());
    kernel->removeAttr(gpu::GPUDialect::getKernelFuncAttrName());
    symbols.insert(kernel, module.getBody()->end());
    if (kernel.isExternal())
      continue;
    kernel.setLinkage(LLVM::Linkage::Internal);
    if (failed(emulate(kernel)))
      return failure();
    if (auto global =
            symbols.lookup<LLVM::GlobalOp>((kKernelPrefix + name).str()))
      defineKernel(global, createText(symbols, loc, "effattn_name", name),
                   emitThread(kernel, name), /*image=*/nullptr);
  }
  kernels.erase();
  return success();
}

namespace {
struct EmulateKernelsPass
    : effattn::impl::EmulateKernelsPassBase<EmulateKernelsPass> {
  using EmulateKernelsPassBase::EmulateKernelsPassBase;

  void runOnOperation() override {
    Emulation emulation(getOperation(), checkMemory);
    for (auto kernels :
         llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(emulation.emulate(kernels)))
        return signalPassFailure();
  }
};
} // namespace
