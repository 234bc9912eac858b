//===- Passes.td - Passes from the dialect to others ----------------------===//
#ifndef EFFATTN_CONVERSION_PASSES
#define EFFATTN_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertEffAttnToLinalgPass : Pass<"effattn-convert-to-linalg"> {
  let summary = "lower every op on tensors to linalg, tensor, scf, arith and math";
  let description = [{
    The reference lowering: plain, for dynamic shapes, and complete. An op in
    buffer form is lowered through tensors of its buffers, which must not
    overlap. Preconditions are not checked here: run `effattn-insert-checks`
    before.

    Where `effattn.attention` stays as it is, so does what is attention in other
    words: `effattn.systematic_attention` without tables becomes attention to
    values that stand side by side. Ops of linalg on tensors that are several of
    its own, such as `linalg.softmax`, become these.
  }];
  let options = [
    ListOption<"except", "except", "std::string",
      "Names of ops that stay as they are, for a tuned expansion">,
    Option<"exceptInParallel", "except-in-parallel", "bool", "true",
      "Whether they stay inside of parallel loops, too">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // EFFATTN_CONVERSION_PASSES
