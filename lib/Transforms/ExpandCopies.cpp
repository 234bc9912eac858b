//===- ExpandCopies.cpp - Copies of strided buffers as linalg -------------===//
#include "effattn/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::effattn {
#define GEN_PASS_DEF_EXPANDCOPIESPASS
#include "effattn/Transforms/Passes.h.inc"
} // namespace mlir::effattn

using namespace mlir;
using namespace mlir::effattn;

/// What memref-to-llvm copies with memcpy.
static bool isContiguous(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getLayout().isIdentity();
}

namespace {
struct ExpandCopiesPass
    : effattn::impl::ExpandCopiesPassBase<ExpandCopiesPass> {
  using ExpandCopiesPassBase::ExpandCopiesPassBase;

  void runOnOperation() override {
    getOperation()->walk([&](memref::CopyOp copy) {
      // Bufferization leaves copies of a buffer onto itself.
      if (copy.getSource() == copy.getTarget()) {
        copy.erase();
        return;
      }
      if (!all && isContiguous(copy.getSource()) &&
          isContiguous(copy.getTarget()))
        return;
      OpBuilder builder(copy);
      linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      copy.erase();
    });
  }
};
} // namespace
