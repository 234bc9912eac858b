//===- Expansion.h - What the expansion passes share ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
#define EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H

#include "../ForEachOnBuffers.h"
#include "effattn/CodeGen/CPU/CpuModel.h"

namespace mlir::effattn {

/// The CPU that the options of a pass describe. An error at `root` where no
/// code could be made for it.
FailureOr<CpuModel> readCpuModel(Operation *root, int64_t vectorBits,
                                 int64_t vectorRegisters, bool byteDots,
                                 ArrayRef<std::string> tilings);

/// What the passes of EffAttn_ExpansionPass share. `Generated` is the base that
/// Passes.td makes for `Pass`, which has a method expandAll(const CpuModel &).
template <template <typename> class Generated, typename Pass>
struct ExpansionPass : Generated<Pass> {
  using Generated<Pass>::Generated;

  void runOnOperation() override {
    FailureOr<CpuModel> cpu =
        readCpuModel(this->getOperation(), this->vectorBits,
                     this->vectorRegisters, this->byteDots, this->tiling);
    if (failed(cpu))
      return this->signalPassFailure();
    static_cast<Pass *>(this)->expandAll(*cpu);
  }
};

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
