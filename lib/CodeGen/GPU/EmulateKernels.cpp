//===- EmulateKernels.cpp - Kernels as functions of the host --------------===//
#include "EmulatedOps.h"
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

// As in lib/Runtime/Emulator/Emulator.h.
enum : int32_t { kRead = 1, kWrite = 2, kAtomic = 4 };
static constexpr int kAlignmentShift = 8, kSiteShift = 32;

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
  void emulate(LLVM::AddressOfOp address);
  void emulate(Operation *op, const EmulatedInstruction &instruction);
  void checkAccesses(Operation *op);
  void checkAccess(Operation *op, Value address, Value bytes,
                   uint64_t alignment, int32_t how);
  void checkAccess(Operation *op, Value address, Type type,
                   std::optional<uint64_t> alignment, int32_t how);
  int64_t getBytes(Type type) {
    return DataLayout::closest(module).getTypeSize(type);
  }
  Value toPlainPointer(Value address);
  /// A word of an instruction.
  Value getWord(Location loc, int64_t number);
  Value toWord(Value value);
  Value fromWord(Location loc, Type type, Value word);
  Value call(Location loc, StringRef function, ValueRange operands,
             Type result = nullptr);
  Value emitConstant(Location loc, Type type, int64_t value);
  Value emitString(Location loc, StringRef text);
  Value emitPlace(Location loc);
  /// The function that takes a kernel's arguments from an array of pointers.
  LLVM::LLVMFuncOp emitThread(LLVM::LLVMFuncOp kernel, StringRef name);
  void moveGlobals(gpu::GPUModuleOp kernels);

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder builder;
  Type pointer, i32, i64;
  bool checkMemory;
  llvm::StringMap<LLVM::GlobalOp> strings;
  /// Shared memory of the kernels by name, and its bytes.
  llvm::StringMap<int64_t> sharedMemory;
  /// Of the function: where instructions have operands and results.
  Value words;
  /// How many instructions there have been.
  int64_t sites = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Emitting
//===----------------------------------------------------------------------===//

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

Value Emulation::emitPlace(Location loc) {
  if (!checkMemory)
    return LLVM::ZeroOp::create(builder, loc, pointer);
  return emitString(loc, describePlace(loc));
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

Value Emulation::toPlainPointer(Value address) {
  if (address.getType() == pointer)
    return address;
  return LLVM::AddrSpaceCastOp::create(builder, address.getLoc(), pointer,
                                       address);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

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

void Emulation::checkAccess(Operation *op, Value address, Value bytes,
                            uint64_t alignment, int32_t how) {
  if (isOnStack(address))
    return;
  Location loc = op->getLoc();
  call(loc, "effattn_emulated_access",
       {toPlainPointer(address), bytes,
        emitConstant(loc, i32, how | alignment << kAlignmentShift),
        emitPlace(loc)});
}

/// Where an op does not say how its address is aligned, its type does.
void Emulation::checkAccess(Operation *op, Value address, Type type,
                            std::optional<uint64_t> alignment, int32_t how) {
  if (!alignment)
    alignment = DataLayout::closest(module).getTypeABIAlignment(type);
  checkAccess(op, address, emitConstant(op->getLoc(), i64, getBytes(type)),
              *alignment, how);
}

static int32_t getAtomicity(LLVM::AtomicOrdering ordering) {
  return ordering == LLVM::AtomicOrdering::not_atomic ? 0 : kAtomic;
}

void Emulation::checkAccesses(Operation *op) {
  constexpr int32_t update = kRead | kWrite | kAtomic;
  builder.setInsertionPoint(op);
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](LLVM::LoadOp load) {
        checkAccess(op, load.getAddr(), load.getType(), load.getAlignment(),
                    kRead | getAtomicity(load.getOrdering()));
      })
      .Case([&](LLVM::StoreOp store) {
        checkAccess(op, store.getAddr(), store.getValue().getType(),
                    store.getAlignment(),
                    kWrite | getAtomicity(store.getOrdering()));
      })
      .Case([&](LLVM::AtomicRMWOp add) {
        checkAccess(op, add.getPtr(), add.getType(), add.getAlignment(),
                    update);
      })
      .Case([&](LLVM::AtomicCmpXchgOp exchange) {
        checkAccess(op, exchange.getPtr(), exchange.getVal().getType(),
                    exchange.getAlignment(), update);
      })
      .Case<LLVM::MemcpyOp, LLVM::MemmoveOp>([&](auto copy) {
        checkAccess(op, copy.getSrc(), copy.getLen(), 1, kRead);
        checkAccess(op, copy.getDst(), copy.getLen(), 1, kWrite);
      })
      .Case([&](LLVM::MemsetOp fill) {
        checkAccess(op, fill.getDst(), fill.getLen(), 1, kWrite);
      });
}

/// Shared memory is where the block has it; of a table the emulator is told
/// before it is read.
void Emulation::emulate(LLVM::AddressOfOp address) {
  Location loc = address.getLoc();
  StringRef name = address.getGlobalName();
  builder.setInsertionPointAfter(address);
  if (auto shared = sharedMemory.find(name); shared != sharedMemory.end()) {
    int64_t bytes = shared->second;
    // All of a block's dynamic shared memory is the same.
    Value begin = call(loc, "effattn_emulated_shared",
                       {emitString(loc, bytes ? name : "dynamic"),
                        emitConstant(loc, i64, bytes)},
                       pointer);
    if (begin.getType() != address.getType())
      begin =
          LLVM::AddrSpaceCastOp::create(builder, loc, address.getType(), begin);
    address.replaceAllUsesWith(begin);
    address.erase();
  } else if (auto table = symbols.lookup<LLVM::GlobalOp>(name);
             table && checkMemory) {
    call(loc, "effattn_emulated_table",
         {toPlainPointer(address),
          emitConstant(loc, i64, getBytes(table.getType()))});
  }
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

Value Emulation::getWord(Location loc, int64_t number) {
  return LLVM::GEPOp::create(builder, loc, pointer, i64, words,
                             ArrayRef<LLVM::GEPArg>{int32_t(number)});
}

/// The integer type with the bits of the type.
static Type getBitsType(Type type) {
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0;
  if (auto vector = dyn_cast<VectorType>(type))
    bits = vector.getNumElements() * vector.getElementTypeBitWidth();
  return IntegerType::get(type.getContext(), bits);
}

Value Emulation::toWord(Value value) {
  Location loc = value.getLoc();
  if (isa<LLVM::LLVMPointerType>(value.getType()))
    return LLVM::PtrToIntOp::create(builder, loc, i64, value);
  if (Type bits = getBitsType(value.getType()); bits != value.getType())
    value = LLVM::BitcastOp::create(builder, loc, bits, value);
  if (value.getType() == i64)
    return value;
  return LLVM::ZExtOp::create(builder, loc, i64, value);
}

Value Emulation::fromWord(Location loc, Type type, Value word) {
  Type bits = getBitsType(type);
  if (bits != i64)
    word = LLVM::TruncOp::create(builder, loc, bits, word);
  if (bits != type)
    word = LLVM::BitcastOp::create(builder, loc, type, word);
  return word;
}

void Emulation::emulate(Operation *op, const EmulatedInstruction &instruction) {
  Location loc = op->getLoc();
  builder.setInsertionPoint(op);
  for (auto [i, operand] : llvm::enumerate(instruction.operands))
    LLVM::StoreOp::create(builder, loc, toWord(operand), getWord(loc, i));
  int64_t details = sites++ << kSiteShift | instruction.details;
  call(loc, instruction.function,
       {words, emitConstant(loc, i64, details), emitPlace(loc)});
  auto load = [&](Type type, int64_t number) {
    Value word = LLVM::LoadOp::create(builder, loc, i64, getWord(loc, number));
    return fromWord(loc, type, word);
  };
  for (Value result : op->getResults()) {
    auto type = dyn_cast<LLVM::LLVMStructType>(result.getType());
    if (!type) {
      result.replaceAllUsesWith(load(result.getType(), 0));
      continue;
    }
    Value fields = LLVM::UndefOp::create(builder, loc, type);
    for (auto [i, field] : llvm::enumerate(type.getBody()))
      fields = LLVM::InsertValueOp::create(builder, loc, fields, load(field, i),
                                           int64_t(i));
    result.replaceAllUsesWith(fields);
  }
  op->erase();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

LogicalResult Emulation::emulate(Operation *op) {
  if (checkMemory)
    checkAccesses(op);
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op)) {
    emulate(address);
    return success();
  }
  if (std::optional<int64_t> number = getEmulatedRegister(op)) {
    builder.setInsertionPoint(op);
    Location loc = op->getLoc();
    op->getResult(0).replaceAllUsesWith(call(loc, "effattn_emulated_register",
                                             emitConstant(loc, i32, *number),
                                             i32));
    op->erase();
    return success();
  }
  if (auto instruction = getEmulatedInstruction(op)) {
    emulate(op, *instruction);
    return success();
  }
  if (needsEmulation(op))
    return op->emitOpError("has no emulation");
  return success();
}

LogicalResult Emulation::emulate(LLVM::LLVMFuncOp kernel) {
  SmallVector<Operation *> ops;
  kernel.walk([&](Operation *op) {
    if (op != kernel)
      ops.push_back(op);
  });
  builder.setInsertionPointToStart(&kernel.front());
  Location loc = kernel.getLoc();
  words = LLVM::AllocaOp::create(builder, loc, pointer, i64,
                                 emitConstant(loc, i64, kMaxEmulatedWords));
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

/// Constant tables of the kernels become globals of the host; shared memory is
/// the emulator's.
void Emulation::moveGlobals(gpu::GPUModuleOp kernels) {
  SymbolTable inside(kernels);
  for (auto global :
       llvm::make_early_inc_range(kernels.getOps<LLVM::GlobalOp>())) {
    if (global.getAddrSpace() == unsigned(NVVM::NVVMMemorySpace::Shared)) {
      sharedMemory[global.getName()] = getBytes(global.getType());
      global.erase();
      continue;
    }
    (void)inside.rename(global, (global.getName() + ".device").str());
    global->remove();
    global.setLinkage(LLVM::Linkage::Internal);
    symbols.insert(global, module.getBody()->begin());
  }
}

LogicalResult Emulation::emulate(gpu::GPUModuleOp kernels) {
  sharedMemory.clear();
  moveGlobals(kernels);
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
