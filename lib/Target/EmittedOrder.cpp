//===- EmittedOrder.cpp - Functions whose instructions stay in order ------===//
#include "EmittedOrder.h"

#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;
using namespace mlir::effattn;

static constexpr unsigned kManyRegisters = 32;

static bool carriesManyVectors(BasicBlock &block) {
  unsigned vectors = llvm::count_if(block.phis(), [](PHINode &phi) {
    return isa<FixedVectorType>(phi.getType());
  });
  return vectors >= kManyRegisters * 3 / 4;
}

static bool hasManyRegisters(Function &function, TargetMachine &machine) {
  TargetTransformInfo info = machine.getTargetTransformInfo(function);
  unsigned vectors = info.getRegisterClassForType(/*Vector=*/true);
  return info.getNumberOfRegisters(vectors) >= kManyRegisters;
}

EmittedOrder::EmittedOrder(Module &module, TargetMachine &machine)
    : module(module) {
  if (!machine.getTargetTriple().isX86())
    return;
  for (Function &function : module)
    if (!function.isDeclaration() && hasManyRegisters(function, machine) &&
        llvm::any_of(function, carriesManyVectors))
      kept.insert(("function (" + function.getName() + ")").str());
  module.getContext().setOptPassGate(*this);
}

EmittedOrder::~EmittedOrder() {
  module.getContext().setOptPassGate(getGlobalPassGate());
}

bool EmittedOrder::shouldRunPass(StringRef pass, StringRef description) const {
  return pass != "machine-scheduler" || !kept.contains(description);
}
