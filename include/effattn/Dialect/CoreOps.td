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

def EffAttn_BeginSpanOp : Op<EffAttn_Dialect, "begin_span",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "look at the clock before an op that is traced";
  let description = [{
    The nanoseconds of the monotonic clock, for the `effattn.end_span` that uses
    them. Ops that touch memory keep their place before or after it. Cost: a
    look at the clock. `effattn-trace-ops` puts it there. On a GPU it does
    nothing yet.

    ```mlir
    func.func @traced(%x: tensor<8xf32>, %w: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> {
      %flops = arith.constant 32 : index
      %bytes = arith.constant 96 : index
      %time = effattn.begin_span
      %norm = effattn.rms_norm ins(%x, %w : tensor<8xf32>, tensor<8xf32>) outs(%out : tensor<8xf32>)
      effattn.end_span %time, "effattn.rms_norm" flops(%flops) bytes(%bytes)
      return %norm : tensor<8xf32>
    }
    ```
    Source: effattn, docs/tutorials/trace-a-run.md.
  }];
  let results = (outs I64:$time);
  let assemblyFormat = "attr-dict";
}

def EffAttn_EndSpanOp : Op<EffAttn_Dialect, "end_span",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "record how long an op took since effattn.begin_span";
  let description = [{
    Appends a span to those of the calling thread: its `name`, where the op
    stands in the source (the location of this op), when it began (`time`) and
    ended, and what the op took: floating-point operations (`flops`), and `bytes`
    read and written, where they are known.
    Ops that touch memory keep their place before or after it. Cost: a look at
    the clock and a store of 48 bytes. `effattn-trace-ops` puts it there,
    `effattn-lower-spans` makes a call of it. On a GPU it
    does nothing yet.

    ```mlir
    func.func @empty_span() {
      %time = effattn.begin_span
      effattn.end_span %time, "nothing"
      return
    }
    ```
    Source: effattn, docs/tutorials/trace-a-run.md.
  }];
  let arguments = (ins I64:$time, StrAttr:$name, Optional<Index>:$flops,
                       Optional<Index>:$bytes);
  let assemblyFormat = [{
    $time `,` $name (`flops` `(` $flops^ `)`)? (`bytes` `(` $bytes^ `)`)?
    attr-dict
  }];
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
