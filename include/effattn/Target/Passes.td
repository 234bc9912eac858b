//===- Passes.td - Passes towards objects ---------------------------------===//
#ifndef EFFATTN_TARGET_PASSES
#define EFFATTN_TARGET_PASSES

include "mlir/Pass/PassBase.td"

def EmitEntryPointsPass : Pass<"effattn-emit-entry-points", "::mlir::ModuleOp"> {
  let summary = "emit the C functions over DLPack for every implementation";
  let description = [{
    For every `llvm.func` with `effattn.signature`, emits a constant description
    of its arguments and the functions `f`, `f_output_shapes` and `f_plain` that
    hand it to the support code, and the string `f_signature`. The
    implementation and what belongs to it become internal. The support code is
    declared here and linked later (`linkSupportCode`).
    docs/design/entry-points.md describes the convention.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let options = [
    Option<"symbolPrefix", "symbol-prefix", "std::string", "\"\"",
      "Put this in front of the names of all exported symbols">,
    ListOption<"cpuFeatures", "cpu-features", "std::string",
      "Features of an x86-64 CPU that the object needs, by LLVM's names; the "
      "entries refuse to run without them, and names of other things are "
      "ignored">,
    Option<"device", "device", "std::string", "\"\"",
      "Functions compute in memory of this device, to and from which their "
      "tensors are copied: effattn_cuda or effattn_emulator">,
  ];
}

#endif // EFFATTN_TARGET_PASSES
