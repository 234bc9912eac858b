//===- EmulatedOps.cpp - What the emulator has instructions for -----------===//
#include "EmulatedOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::effattn;

using Instruction = std::optional<EmulatedInstruction>;

bool effattn::needsEmulation(Operation *op) {
  return isa<NVVM::NVVMDialect>(op->getDialect());
}

static EmulatedInstruction describe(Operation *op, StringRef function,
                                    int64_t details = 0) {
  return {function, details, llvm::to_vector(op->getOperands())};
}

static EmulatedInstruction describeBarrier(Operation *op, Value number) {
  EmulatedInstruction made{"effattn_emulated_barrier", 0, {number}};
  if (!number) {
    OpBuilder builder(op);
    made.operands[0] = LLVM::ConstantOp::create(builder, op->getLoc(),
                                                builder.getI32IntegerAttr(0));
  }
  return made;
}

/// Nothing for one of a part of the block.
static Instruction describe(NVVM::BarrierOp barrier) {
  if (barrier.getNumberOfThreads())
    return std::nullopt;
  EmulatedInstruction made = describeBarrier(barrier, barrier.getBarrierId());
  if (auto reduction = barrier.getReductionOp()) {
    made.details = 1 + int64_t(*reduction);
    made.operands.push_back(barrier.getReductionPredicate());
  }
  return made;
}

Instruction effattn::getEmulatedInstruction(Operation *op) {
  return llvm::TypeSwitch<Operation *, Instruction>(op)
      .Case([](NVVM::Barrier0Op barrier) {
        return describeBarrier(barrier, /*number=*/nullptr);
      })
      .Case([](NVVM::BarrierOp barrier) { return describe(barrier); })
      .Case([](NVVM::SyncWarpOp sync) {
        return describe(sync, "effattn_emulated_sync_warp");
      })
      .Case([](NVVM::ShflOp shuffle) {
        return describe(shuffle, "effattn_emulated_shuffle",
                        int64_t(shuffle.getKind()));
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<int64_t> effattn::getEmulatedRegister(Operation *op) {
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
      .Case([](NVVM::LaneIdOp) { return 12; })
      .Case([](NVVM::WarpIdOp) { return 13; })
      .Case([](NVVM::WarpDimOp) { return 14; })
      .Case([](NVVM::WarpSizeOp) { return 15; })
      .Case([](NVVM::LaneMaskEqOp) { return 16; })
      .Case([](NVVM::LaneMaskLeOp) { return 17; })
      .Case([](NVVM::LaneMaskLtOp) { return 18; })
      .Case([](NVVM::LaneMaskGeOp) { return 19; })
      .Case([](NVVM::LaneMaskGtOp) { return 20; })
      .Default([](Operation *) { return std::nullopt; });
}
