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

} // namespace mlir::effattn

#endif // EFFATTN_LIB_CODEGEN_CPU_EXPANSION_H
