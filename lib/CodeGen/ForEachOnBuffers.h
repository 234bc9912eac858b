//===- ForEachOnBuffers.h - Ops that bufferization has left ---------------===//
#ifndef EFFATTN_LIB_CODEGEN_FOREACHONBUFFERS_H
#define EFFATTN_LIB_CODEGEN_FOREACHONBUFFERS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace mlir::effattn {

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

#endif // EFFATTN_LIB_CODEGEN_FOREACHONBUFFERS_H
