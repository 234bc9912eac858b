//===- FeedForwardOps.td - Feed-forward networks and routing -------------===//
#ifndef EFFATTN_FEED_FORWARD_OPS
#define EFFATTN_FEED_FORWARD_OPS

include "effattn/Dialect/EffAttnBase.td"

def EffAttn_Activation : I32EnumAttr<"Activation", "the function between two layers", [
    I32EnumAttrCase<"SiLU", 0, "silu">, I32EnumAttrCase<"GELU", 1, "gelu">,
    I32EnumAttrCase<"GELUTanh", 2, "gelu_tanh">, I32EnumAttrCase<"ReLU", 3, "relu">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_ActivationAttr : EnumAttr<EffAttn_Dialect, EffAttn_Activation, "activation"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_GatedFFNOp : EffAttn_ComputeOp<"gated_ffn"> {
  let summary = "map rows through a gated hidden layer";
  let description = [{
    `out = (act(x gate) * (x up)) down`

    | `activation` | act(h)                                             |
    |--------------|----------------------------------------------------|
    | `silu`       | `h / (1 + exp(-h))`                                 |
    | `gelu`       | `h / 2 (1 + erf(h / sqrt(2)))`                      |
    | `gelu_tanh`  | `h / 2 (1 + tanh(sqrt(2 / pi) (h + 0.044715 h^3)))` |
    | `relu`       | `max(h, 0)`                                         |

    | operand | shape   | meaning                             |
    |---------|---------|-------------------------------------|
    | `x`     | `... C` | rows                                 |
    | `gate`  | `C F`   | weights, each f32, bf16 or f16       |
    | `up`    | `C F`   |                                      |
    | `down`  | `F C`   |                                      |
    | `out`   | `... C` | in the type of `x`                   |

    Everything is f32 inside and rounded at the end. Without hidden columns
    (F = 0) the result is 0. A NaN reaches its own row only; `-inf` in front of
    an activation other than relu gives NaN, as `-inf * 0` does.

    Cost: 3 C F multiply-adds and F activations a row. Rows go in tiles of 16
    at most, in parallel, and a tile reads the weights once; of the hidden
    layer a tile holds 256 columns at a time. Scratch of a tile: `2 C + 512`
    numbers a row, all f32, and 4 rows of a weight that is not.

    ```mlir
    func.func @swiglu(%x: tensor<?x?x640xbf16>, %gate: tensor<640x2048xbf16>, %up: tensor<640x2048xbf16>,
        %down: tensor<2048x640xbf16>, %out: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %rows = effattn.gated_ffn ins(%x, %gate, %up, %down
        : tensor<?x?x640xbf16>, tensor<640x2048xbf16>, tensor<640x2048xbf16>, tensor<2048x640xbf16>)
        outs(%out : tensor<?x?x640xbf16>) {activation = #effattn.activation<silu>}
      return %rows : tensor<?x?x640xbf16>
    }
    ```
    Source: GLU Variants Improve Transformer (arXiv 2002.05202).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"C F", "float">:$gate,
    EffAttn_Shaped<"C F", "float">:$up,
    EffAttn_Shaped<"F C", "float">:$down,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_ActivationAttr, "Activation::SiLU">:$activation);
  let assemblyFormat = [{
    `ins` `(` $x `,` $gate `,` $up `,` $down `:` type($x) `,` type($gate) `,` type($up) `,` type($down) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_HourglassFFNOp : EffAttn_ComputeOp<"hourglass_ffn"> {
  let summary = "add narrow gated layers to rows one after another";
  let description = [{
    For i from 0 to Kb - 1:
    `x += gated_ffn(rms_norm(x, norm_i), gate_i, up_i, down_i)`; `out` is the
    last x. Hidden layers are narrower than the rows, Dh/C from 0.4 to 0.6 in
    the paper, and the residual runs along the wide side.

    | operand | shape     | meaning                                    |
    |---------|-----------|--------------------------------------------|
    | `x`     | `... C`   | rows                                        |
    | `norm`  | `Kb C`    | weights of the norms                        |
    | `gate`  | `Kb C Dh` | weights of the blocks, each f32, bf16 or f16 |
    | `up`    | `Kb C Dh` |                                             |
    | `down`  | `Kb Dh C` |                                             |
    | `out`   | `... C`   | in the type of `x`                          |

    `activation` is that of `gated_ffn`, `epsilon` that of `rms_norm`. Between
    blocks a row stays f32, whatever the type of `x`: it is rounded once, after
    the last. Without blocks (Kb = 0) or hidden columns (Dh = 0) the result is
    x. A NaN reaches its own row only. Any Dh is allowed.

    Cost: 3 Kb C Dh multiply-adds a row. Rows go in tiles of 16 at most, in
    parallel; a tile goes through all blocks, reads their weights once, and
    keeps its rows in scratch: `3 C + 512` numbers a row, all f32, and 4 rows of
    a weight that is not.

    ```mlir
    func.func @hourglass(%x: tensor<?x?x640xf32>, %norm: tensor<3x640xf32>, %gate: tensor<3x640x320xf32>,
        %up: tensor<3x640x320xf32>, %down: tensor<3x320x640xf32>, %out: tensor<?x?x640xf32>)
        -> tensor<?x?x640xf32> {
      %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
        : tensor<?x?x640xf32>, tensor<3x640xf32>, tensor<3x640x320xf32>, tensor<3x640x320xf32>, tensor<3x320x640xf32>)
        outs(%out : tensor<?x?x640xf32>) {epsilon = 1.0e-5}
      return %rows : tensor<?x?x640xf32>
    }
    ```
    Source: hourglass FFN (arXiv 2602.06471).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"Kb C", "float">:$norm,
    EffAttn_Shaped<"Kb C Dh", "float">:$gate,
    EffAttn_Shaped<"Kb C Dh", "float">:$up,
    EffAttn_Shaped<"Kb Dh C", "float">:$down,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_ActivationAttr, "Activation::SiLU">:$activation,
    DefaultValuedAttr<EffAttn_Real, "1.0e-6">:$epsilon);
  let assemblyFormat = [{
    `ins` `(` $x `,` $norm `,` $gate `,` $up `,` $down `:`
      type($x) `,` type($norm) `,` type($gate) `,` type($up) `,` type($down) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let hasCanonicalizeMethod = 1;
}

#endif // EFFATTN_FEED_FORWARD_OPS
