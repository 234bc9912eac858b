//===- Expansion.h - What the expansion passes share ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
#define EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H

#include "../ForEachOnBuffers.h"
#include "ExpandOps.h"
#include "effattn/CodeGen/CPU/ExpandOp.h"

namespace mlir::effattn {

/// What the passes of EffAttn_ExpansionPass share. `Generated` is the base that
/// Passes.td makes for `Pass`, which has a method expandAll(const CpuModel &).
template <template <typename> class Generated, typename Pass>
struct ExpansionPass : Generated<Pass> {
  using Generated<Pass>::Generated;

  void runOnOperation() override {
    CpuModel given;
    given.vectorBits = this->vectorBits;
    given.vectorRegisters = this->vectorRegisters;
    given.byteDots = this->byteDots;
    given.shortDots = this->shortDots;
    given.pairDots = this->pairDots;
    FailureOr<CpuModel> cpu =
        readCpuModel(this->getOperation(), given, this->tiling);
    if (failed(cpu))
      return this->signalPassFailure();
    static_cast<Pass *>(this)->expandAll(*cpu);
  }

  template <typename Op> void expandEach(const CpuModel &cpu) {
    forEachOnBuffers<Op>(this->getOperation(), [&](OpBuilder &builder, Op op) {
      expand(builder, op, cpu);
    });
  }
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
