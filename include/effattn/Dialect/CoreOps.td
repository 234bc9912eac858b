//===- CoreOps.td - Ops that every family uses ----------------------------===//
#ifndef EFFATTN_CORE_OPS
#define EFFATTN_CORE_OPS

include "mlir/Interfaces/ControlFlowInterfaces.td"
include "effattn/Dialect/EffAttnBase.td"

def EffAttn_CheckOp : Op<EffAttn_Dialect, "check",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "end the function with an error unless a condition holds";
  let description = [{
    Nothing happens where `condition` is true. Where it is false, the function
    ends: ops after the check do not run, the caller of the compiled function
    gets status 2, and `effattn_last_error()` gives `message` with the name of
    the function before it.

    In `message`, `{0}`, `{1}`, ... stand for the `arguments`, integers that say
    what was found. Constraint C1: every placeholder has an argument.

    Every op states its preconditions as checks before it
    (`effattn-insert-checks`), so its operands are as they were when one fails.
    Checks keep their order and are not removed as dead code; one whose
    condition is constant true is. A loop that contains a check is sequential.
    Cost: a branch that is never taken.

    ```mlir
    func.func @positive(%n: index) {
      %zero = arith.constant 0 : index
      %ok = arith.cmpi sgt, %n, %zero : index
      effattn.check %ok, "expected a positive count, but got {0}" (%n : index)
      return
    }
    ```
    Source: effattn, docs/design/entry-points.md.
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
    Gives the `value` of the region: the mask of a mask region, of type
    `!effattn.mask`, or the new score of the score region of
    `effattn.attention`, an f32. Constraint C1: it ends such a region.

    ```mlir
    func.func @lower_triangle(%out: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
      %keep = effattn.materialize_mask outs(%out : tensor<1x1x4x4xi1>) mask {
        %causal = effattn.causal_mask
        effattn.yield %causal : !effattn.mask
      }
      return %keep : tensor<1x1x4x4xi1>
    }
    ```
    Source: effattn, docs/design/architecture.md.
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

#endif // EFFATTN_CORE_OPS
