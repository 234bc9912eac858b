//===- EmittedOrder.cpp - Functions whose instructions stay in order ------===//
#include "EmittedOrder.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/CFG.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;
using namespace mlir::effattn;

static constexpr unsigned kRegisters = 32, kMany = kRegisters * 3 / 4;

static bool isVector(const Value *value) {
  return isa<llvm::FixedVectorType>(value->getType()) && !isa<Constant>(value);
}

static unsigned countCarried(BasicBlock &block) {
  return llvm::count_if(block.phis(),
                        [](PHINode &phi) { return isVector(&phi); });
}

/// Vectors of other blocks that are read here, and of here that others read.
static SmallPtrSet<Value *, 32> findShared(BasicBlock &block) {
  SmallPtrSet<Value *, 32> shared;
  for (Instruction &instruction : block) {
    auto isElsewhere = [&](User *user) {
      return isa<PHINode>(user) ||
             cast<Instruction>(user)->getParent() != &block;
    };
    if (isVector(&instruction) &&
        llvm::any_of(instruction.users(), isElsewhere))
      shared.insert(&instruction);
    for (Value *operand : instruction.operands()) {
      auto *source = dyn_cast<Instruction>(operand);
      if (isVector(operand) && !(source && source->getParent() == &block))
        shared.insert(operand);
    }
  }
  return shared;
}

/// How many vectors an order of instructions needs at once.
static unsigned countNeeded(BasicBlock &block) {
  SmallPtrSet<Value *, 32> live = findShared(block);
  unsigned most = live.size();
  for (Instruction &instruction : llvm::reverse(block)) {
    if (isa<PHINode>(instruction))
      break;
    live.erase(&instruction);
    for (Value *operand : instruction.operands())
      if (isVector(operand))
        live.insert(operand);
    most = std::max<unsigned>(most, live.size());
  }
  return most;
}

static bool isTightLoop(BasicBlock &block) {
  if (countCarried(block) >= kMany)
    return true;
  if (!llvm::is_contained(llvm::successors(&block), &block))
    return false;
  unsigned needed = countNeeded(block);
  return kMany <= needed && needed <= kRegisters;
}

static bool hasManyRegisters(Function &function, TargetMachine &machine) {
  TargetTransformInfo info = machine.getTargetTransformInfo(function);
  unsigned vectors = info.getRegisterClassForType(/*Vector=*/true);
  return info.getNumberOfRegisters(vectors) >= kRegisters;
}

EmittedOrder::EmittedOrder(Module &module, TargetMachine &machine)
    : module(module) {
  if (!machine.getTargetTriple().isX86())
    return;
  for (Function &function : module)
    if (!function.isDeclaration() && hasManyRegisters(function, machine) &&
        llvm::any_of(function, isTightLoop))
      kept.insert(("function (" + function.getName() + ")").str());
  module.getContext().setOptPassGate(*this);
}

EmittedOrder::~EmittedOrder() {
  module.getContext().setOptPassGate(getGlobalPassGate());
}

bool EmittedOrder::shouldRunPass(StringRef pass, StringRef description) const {
  return pass != "machine-scheduler" || !kept.contains(description);
}
