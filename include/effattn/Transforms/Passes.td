//===- Passes.td - Passes on the dialect ----------------------------------===//
#ifndef EFFATTN_TRANSFORMS_PASSES
#define EFFATTN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def InsertChecksPass : Pass<"effattn-insert-checks"> {
  let summary = "state every precondition of an op as effattn.check before it";
  let description = [{
    Emits `effattn.check` for sizes that must agree and are dynamic, for row
    lengths outside of their dimension, and for what each op adds itself
    (`emitPreconditions`). Afterwards no op of the dialect can fail, so
    lowerings only compute. Runs once: a second run would check again.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

#endif // EFFATTN_TRANSFORMS_PASSES
