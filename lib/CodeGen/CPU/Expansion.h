//===- Expansion.h - What the expansion passes share ----------------------===//
#ifndef EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
#define EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H

#include "effattn/CodeGen/CPU/CpuModel.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace mlir::effattn {

/// The CPU that the options of a pass describe. An error at `root` where no
/// code could be made for it.
FailureOr<CpuModel> readCpuModel(Operation *root, int64_t vectorBits,
                                 int64_t vectorRegisters, bool byteDots,
                                 ArrayRef<std::string> tilings);

/// Calls `body` for every `Op` on buffers inside of `root`, with a builder in
/// front of the op, which it may erase.
template <typename Op>
void forEachOnBuffers(Operation *root,
                      llvm::function_ref<void(OpBuilder &, Op)> body) {
  SmallVector<Op> ops;
  root->walk([&](Op op) {
    if (op.hasPureBufferSemantics())
      ops.push_back(op);
  });
  for (Op op : ops) {
    OpBuilder builder(op);
    body(builder, op);
  }
}

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
