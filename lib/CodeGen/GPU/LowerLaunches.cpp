//===- LowerLaunches.cpp - Launches as calls of the runtime ---------------===//
#include "effattn/CodeGen/GPU/Passes.h"
#include "effattn/CodeGen/GPU/Runtime.h"
#include "effattn/Dialect/Emit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_LOWERLAUNCHESPASS
#include "effattn/CodeGen/GPU/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

namespace {
class LaunchLowering {
public:
  explicit LaunchLowering(ModuleOp module)
      : module(module), symbols(module), builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

  void lower(gpu::LaunchFuncOp launch);
  void lower(gpu::MemcpyOp copy);

private:
  func::FuncOp declare(StringRef name, TypeRange operands);
  Value getKernel(Location loc, StringRef name);
  Value toI64(Location loc, Value index);
  /// The address of the first element of a buffer.
  Value getAddress(Location loc, Value buffer);
  /// What the kernel takes in place of an operand: a buffer as two addresses,
  /// an offset, sizes and strides.
  void flatten(Location loc, Value operand, SmallVectorImpl<Value> &arguments);
  /// An array of pointers to the values, on the stack.
  Value emitArguments(gpu::LaunchFuncOp launch, ArrayRef<Value> arguments);

  ModuleOp module;
  SymbolTable symbols;
  OpBuilder builder;
  Type pointer;
};
} // namespace

func::FuncOp LaunchLowering::declare(StringRef name, TypeRange operands) {
  if (auto known = symbols.lookup<func::FuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto type = builder.getFunctionType(operands, builder.getI32Type());
  auto function = func::FuncOp::create(builder, module.getLoc(), name, type);
  function.setPrivate();
  symbols.insert(function);
  return function;
}

Value LaunchLowering::getKernel(Location loc, StringRef name) {
  std::string symbol = (kKernelPrefix + name).str();
  auto global = symbols.lookup<LLVM::GlobalOp>(symbol);
  if (!global) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(
        builder, loc, getKernelType(pointer),
        /*isConstant=*/true, LLVM::Linkage::External, symbol, Attribute());
    symbols.insert(global);
  }
  return LLVM::AddressOfOp::create(builder, loc, global);
}

Value LaunchLowering::toI64(Location loc, Value index) {
  return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index);
}

void LaunchLowering::flatten(Location loc, Value operand,
                             SmallVectorImpl<Value> &arguments) {
  auto type = dyn_cast<MemRefType>(operand.getType());
  if (!type) {
    bool isIndex = operand.getType().isIndex();
    arguments.push_back(isIndex ? toI64(loc, operand) : operand);
    return;
  }
  auto parts = memref::ExtractStridedMetadataOp::create(builder, loc, operand);
  auto address = toI64(loc, memref::ExtractAlignedPointerAsIndexOp::create(
                                builder, loc, operand));
  arguments.push_back(address);
  arguments.push_back(address);
  arguments.push_back(toI64(loc, parts.getOffset()));
  for (Value size : parts.getSizes())
    arguments.push_back(toI64(loc, size));
  for (Value stride : parts.getStrides())
    arguments.push_back(toI64(loc, stride));
}

Value LaunchLowering::emitArguments(gpu::LaunchFuncOp launch,
                                    ArrayRef<Value> arguments) {
  Location loc = launch.getLoc();
  Type i64 = builder.getI64Type();
  Value slots, pointers;
  {
    // Not in a loop, where the stack would grow.
    OpBuilder::InsertionGuard guard(builder);
    auto function = launch->getParentOfType<func::FuncOp>();
    builder.setInsertionPointToStart(&function.getBody().front());
    Value count = LLVM::ConstantOp::create(
        builder, loc, i64, builder.getI64IntegerAttr(arguments.size()));
    slots = LLVM::AllocaOp::create(builder, loc, pointer, i64, count);
    pointers = LLVM::AllocaOp::create(builder, loc, pointer, pointer, count);
  }
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    SmallVector<LLVM::GEPArg> at{int32_t(i)};
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, i64, slots, at);
    Value value = argument;
    if (value.getType().isInteger(1))
      value = arith::ExtUIOp::create(builder, loc, builder.getI8Type(), value);
    LLVM::StoreOp::create(builder, loc, value, slot);
    LLVM::StoreOp::create(
        builder, loc, slot,
        LLVM::GEPOp::create(builder, loc, pointer, pointer, pointers, at));
  }
  return pointers;
}

void LaunchLowering::lower(gpu::LaunchFuncOp launch) {
  Location loc = launch.getLoc();
  builder.setInsertionPoint(launch);
  SmallVector<Value> arguments;
  for (Value operand : launch.getKernelOperands())
    flatten(loc, operand, arguments);
  SmallVector<Value> operands{
      getKernel(loc, launch.getKernelName().getValue())};
  for (gpu::KernelDim3 sizes :
       {launch.getGridSizeOperandValues(), launch.getBlockSizeOperandValues()})
    for (Value size : {sizes.x, sizes.y, sizes.z})
      operands.push_back(toI64(loc, size));
  Value shared = launch.getDynamicSharedMemorySize();
  operands.push_back(
      shared
          ? arith::ExtUIOp::create(builder, loc, builder.getI64Type(), shared)
                .getResult()
          : arith::ConstantIntOp::create(builder, loc, 0, 64).getResult());
  operands.push_back(emitArguments(launch, arguments));
  func::CallOp::create(
      builder, loc, declare(kLaunchFunction, ValueRange(operands).getTypes()),
      operands);
  launch.erase();
}

Value LaunchLowering::getAddress(Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  auto parts = memref::ExtractStridedMetadataOp::create(builder, loc, buffer);
  Value base =
      memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, buffer);
  Value bytes = emit::index(builder, loc, getElementBytes(type));
  Value address = emit::add(builder, loc, base,
                            emit::mul(builder, loc, parts.getOffset(), bytes));
  return LLVM::IntToPtrOp::create(builder, loc, pointer, toI64(loc, address));
}

/// Of one element, to the stack of the host.
void LaunchLowering::lower(gpu::MemcpyOp copy) {
  Location loc = copy.getLoc();
  builder.setInsertionPoint(copy);
  auto type = cast<MemRefType>(copy.getSrc().getType());
  Value bytes =
      arith::ConstantIntOp::create(builder, loc, getElementBytes(type), 64);
  SmallVector<Value> operands{getAddress(loc, copy.getDst()),
                              getAddress(loc, copy.getSrc()), bytes};
  func::CallOp::create(builder, loc,
                       declare(kReadFunction, ValueRange(operands).getTypes()),
                       operands);
  copy.erase();
}

namespace {
struct LowerLaunchesPass
    : effattn::impl::LowerLaunchesPassBase<LowerLaunchesPass> {
  void runOnOperation() override {
    LaunchLowering lowering(getOperation());
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<gpu::LaunchFuncOp, gpu::MemcpyOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (auto launch = dyn_cast<gpu::LaunchFuncOp>(op))
        lowering.lower(launch);
      else
        lowering.lower(cast<gpu::MemcpyOp>(op));
  }
};
} // namespace
