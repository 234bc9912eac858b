//===- MyOps.td - The dialect my and its ops ------------------------------===//
include "effattn/Dialect/EffAttnBase.td"

def My_Dialect : Dialect {
  let name = "my";
  let cppNamespace = "::my";
  let dependentDialects = ["::mlir::effattn::EffAttnDialect"];
}

def My_SoftCapOp : EffAttn_ComputeOp<"soft_cap", dialect = My_Dialect> {
  let summary = "keep every element between -cap and cap, smoothly";
  let description = [{
    `out = cap * tanh(x / cap)`, computed in f32 and rounded to the type of `x`.

    | operand | shape   | meaning                             |
    |---------|---------|-------------------------------------|
    | `x`     | `... C` | rows                                |
    | `out`   | `... C` | the capped rows, in the type of `x` |

    NaN stays NaN, and an infinity becomes cap or -cap. Any size may be 0.

    Constraint C1: cap is a finite number above 0.

    Source: Gemma 2 (arXiv 2408.00118), which caps its logits.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"... C", "F">:$out,
    EffAttn_Real:$cap);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let hasVerifier = 1;
}
