//===- CoreOps.td - Ops that every family uses ----------------------------===//
#ifndef EFFATTN_CORE_OPS
#define EFFATTN_CORE_OPS

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "effattn/Dialect/EffAttnBase.td"

def EffAttn_CheckOp : Op<EffAttn_Dialect, "check",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "end the function with an error unless a condition holds";
  let description = [{
    `message` is the sentence of the error; `{0}`, `{1}`, ... stand for the
    arguments, which are integers. In a compiled function the sentence reaches
    the caller through `effattn_last_error()` and the function returns 2; ops
    after a failed check do not run. Constraint C1: every placeholder of
    `message` has an argument.

    ```mlir
    func.func @positive(%n: index) {
      %zero = arith.constant 0 : index
      %ok = arith.cmpi sgt, %n, %zero : index
      effattn.check %ok, "expected a positive count, but got {0}" (%n : index)
      return
    }
    ```
  }];
  let arguments = (ins I1:$condition, StrAttr:$message,
                       Variadic<AnySignlessIntegerOrIndex>:$arguments);
  let assemblyFormat = [{
    $condition `,` $message (`(` $arguments^ `:` type($arguments) `)`)? attr-dict
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def EffAttn_YieldOp : Op<EffAttn_Dialect, "yield",
    [Pure, Terminator, ReturnLike]> {
  let summary = "end a mask region or a score region";
  let description = [{
    Gives the mask of a mask region or the new score of a score region.

    ```mlir
    func.func @lower_triangle(%out: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
      %keep = effattn.materialize_mask outs(%out : tensor<1x1x4x4xi1>) mask {
        %causal = effattn.causal_mask
        effattn.yield %causal : !effattn.mask
      }
      return %keep : tensor<1x1x4x4xi1>
    }
    ```
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // EFFATTN_CORE_OPS
