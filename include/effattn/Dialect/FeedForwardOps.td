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

def EffAttn_PackedMatmulOp : EffAttn_ComputeOp<"packed_matmul"> {
  let flops = "2 ... C N";
  let summary = "multiply rows by a matrix that was packed ahead of time";
  let description = [{
    `out[.., n] = sum over c of x[.., c] panels[n / W, c, n mod W]`

    A product copies its second factor into panels of some columns, in the order
    in which it reads them. A matrix that does not change can be in that order
    from the beginning: panels are what `linalg.pack` with
    `outer_dims_perm = [1, 0]`, `inner_dims_pos = [1]` and `inner_tiles = [48]`
    makes of a matrix `[C, N]`, whatever the padding. 48 columns suit the tuned code for every CPU;
    others give the same result, and where the vectors of a CPU do not divide
    them, more slowly than the matrix itself would.

    | operand  | shape   | meaning                               |
    |----------|---------|---------------------------------------|
    | `x`      | `... C` | rows, f32, bf16 or f16                 |
    | `panels` | `P C W` | W columns each; f32, bf16 or f16       |
    | `out`    | `... N` | f32, bf16 or f16                       |

    Sums are f32 and rounded once; without terms (C = 0) they are 0. What
    the last panel holds behind column N takes no part in them.

    C1: panels have columns (W >= 1), and as many of them as N needs:
    P = ceil(N / W).

    Cost: C N multiply-adds a row; the panels are read where they lie.
    Scratch: that of a product whose second factor is not copied; for panels
    that are not f32 some of them as f32, and for results that are not f32 all
    of these. With `--lowering=linalg` the whole matrix.

    ```mlir
    func.func @project(%x: tensor<?x640xf32>, %panels: tensor<42x640x48xf32>,
        %out: tensor<?x2000xf32>) -> tensor<?x2000xf32> {
      %rows = effattn.packed_matmul ins(%x, %panels : tensor<?x640xf32>, tensor<42x640x48xf32>)
        outs(%out : tensor<?x2000xf32>)
      return %rows : tensor<?x2000xf32>
    }
    ```
    Source: F. G. Van Zee and R. A. van de Geijn, BLIS: A Framework for Rapidly
    Instantiating BLAS Functionality, ACM TOMS 41(3), 2015.
  }];
  let hasVerifier = 1;
  let hasPreconditions = 1;
  let arguments = (ins
    EffAttn_Shaped<"... C", "float">:$x,
    EffAttn_Shaped<"P C W", "float">:$panels,
    EffAttn_Shaped<"... N", "float">:$out);
  let assemblyFormat = [{
    `ins` `(` $x `,` $panels `:` type($x) `,` type($panels) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_GatedFFNOp : EffAttn_ComputeOp<"gated_ffn"> {
  let flops = "6 ... C F + 2 ... F";
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

    Cost: 3 C F multiply-adds and F activations a row. Rows go in blocks of 512
    at most, and a block reads the weights once. Scratch of a block: two rows
    for each of its own, and 1.5 MiB or 768 numbers a row of the hidden layer,
    all f32. With `--lowering=linalg` rows go in tiles of 16 at most, in
    parallel; scratch of a tile is `2 C + 512` numbers a row, all f32, and 4
    rows of a weight that is not.

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
  let flops = "6 ... Kb C Dh + 2 ... Kb Dh + 5 ... Kb C";
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

    Cost: 3 Kb C Dh multiply-adds a row. As in `gated_ffn` rows go 512 at a
    time, with one row more of scratch for each, through all layers. With
    `--lowering=linalg` they go in tiles of 16 at most, in parallel; a tile
    goes through all layers, reads their weights once, and keeps its rows in
    scratch: `3 C + 512` numbers a row, all f32, and 4 rows of a weight that is
    not.

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

def EffAttn_MoeRouteOp : EffAttn_ComputeOp<"moe_route", [], "3"> {
  let flops = "2 ... C X";
  let summary = "choose the experts of every token";
  let description = [{
    `gates, experts = top_k(softmax(x w))`, and with `normalize` the gates of a
    token are divided by their sum.
    `load_balance = X sum_e f_e P_e`: f_e is the share of expert e in all
    choices, P_e its mean probability, both over all tokens. It is 1 where
    either is uniform.

    | operand        | shape    | meaning                                     |
    |----------------|----------|---------------------------------------------|
    | `x`            | `... C`  | tokens                                       |
    | `w`            | `C X`    | the router, f32, bf16 or f16                 |
    | `gates`        | `... Ke` | probabilities of the choices, descending, f32 |
    | `experts`      | `... Ke` | the experts that were chosen, i32            |
    | `load_balance` |          | one number, f32                              |

    Everything is f32 inside. Experts are ranked by their logits, which differ
    where probabilities have become 0. Equal ones go to the lowest expert, and
    experts with equal columns in `w` have equal logits, to the bit.
    A NaN in a token makes its gates NaN and its experts 0 to k - 1, and it
    makes `load_balance` NaN, as logits that are all -inf or hold +inf do.
    Without choices (no tokens, or k = 0) `load_balance` is 0.

    C1: `k` is not negative. C2: Ke = k. C3: k is at most X. C4: X is at most
    2^31 - 1, so that an expert is an i32.

    Cost: C X multiply-adds a token, X exponentials, one comparison for each
    expert and `log k` more for each that enters the best so far. Tokens go in
    tiles of 16 at most, in parallel; a tile reads `w` once. Scratch of a tile:
    `C + 2 X + 256` numbers a token, f32, and 4 rows of `w` if it is not f32;
    and X numbers for each tile, for P.

    ```mlir
    func.func @route(%x: tensor<?x?x640xbf16>, %w: tensor<640x64xf32>, %g: tensor<?x?x2xf32>,
        %e: tensor<?x?x2xi32>, %b: tensor<f32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>) {
      %gates, %experts, %balance = effattn.moe_route ins(%x, %w : tensor<?x?x640xbf16>, tensor<640x64xf32>)
        outs(%g, %e, %b : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>) {k = 2}
      return %gates, %experts, %balance : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>
    }
    ```
    Source: Switch Transformers (arXiv 2101.03961), for the load balance.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"C X", "float">:$w,
    EffAttn_Shaped<"... Ke", "f32">:$gates,
    EffAttn_Shaped<"... Ke", "i32">:$experts,
    EffAttn_Shaped<"", "f32">:$load_balance,
    I64Attr:$k,
    DefaultValuedAttr<BoolAttr, "true">:$normalize);
  let assemblyFormat = [{
    `ins` `(` $x `,` $w `:` type($x) `,` type($w) `)`
    `outs` `(` $gates `,` $experts `,` $load_balance `:`
      type($gates) `,` type($experts) `,` type($load_balance) `)` attr-dict
  }];
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

def EffAttn_MoeFFNOp : EffAttn_ComputeOp<"moe_ffn"> {
  let flops = "6 ... Ke C F + 2 ... Ke F";
  let touched = "gate=... Ke C F;up=... Ke C F;down=... Ke F C;";
  let summary = "add up what the experts of each token make of it";
  let description = [{
    `out = sum_i gates_i gated_ffn(x, gate_e, up_e, down_e)`, e = experts_i.

    | operand   | shape    | meaning                                           |
    |-----------|----------|---------------------------------------------------|
    | `x`       | `... C`  | tokens                                             |
    | `gates`   | `... Ke` | weights of the choices, f32, bf16 or f16           |
    | `experts` | `... Ke` | the experts chosen, i32 or i64, in any order       |
    | `gate`    | `X C F`  | weights of the experts, each f32, bf16 or f16      |
    | `up`      | `X C F`  |                                                    |
    | `down`    | `X F C`  |                                                    |
    | `out`     | `... C`  | in the type of `x`                                 |

    `activation` is that of `gated_ffn`. No token is dropped, however many
    choose one expert. A token may name an expert twice: both gates count.
    Without choices (Ke = 0) or hidden columns (F = 0) the result is 0. Sums
    are f32, in the order of the experts whatever the number of threads, and
    rounded at the end. A NaN in a token or its gates reaches its own row only.

    C1 (at run time): experts lie in [0, X). A failing check names the place.

    Cost: 3 C F multiply-adds for every expert that a token names, and
    `O(choices + X)` to sort the choices by expert. Tokens of one expert go in
    blocks of 512 at most, one after the other, and a block reads the expert's
    weights once; experts without tokens are not read. Scratch: two numbers a
    choice and an expert; that of `gated_ffn`; and for bf16 and f16 the sums in
    f32. With `--lowering=linalg` tokens go in tiles of 16, 32 of which run in
    parallel and have `512 C` numbers for what they make.

    ```mlir
    func.func @experts(%x: tensor<?x?x640xf32>, %gates: tensor<?x?x2xf32>, %chosen: tensor<?x?x2xi32>,
        %gate: tensor<8x640x320xf32>, %up: tensor<8x640x320xf32>, %down: tensor<8x320x640xf32>,
        %out: tensor<?x?x640xf32>) -> tensor<?x?x640xf32> {
      %sums = effattn.moe_ffn ins(%x, %gates, %chosen, %gate, %up, %down
        : tensor<?x?x640xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>,
          tensor<8x640x320xf32>, tensor<8x640x320xf32>, tensor<8x320x640xf32>)
        outs(%out : tensor<?x?x640xf32>) {activation = #effattn.activation<silu>}
      return %sums : tensor<?x?x640xf32>
    }
    ```
    Source: Sparsely-Gated Mixture-of-Experts (arXiv 1701.06538).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"... Ke", "float">:$gates,
    EffAttn_Shaped<"... Ke", "int">:$experts,
    EffAttn_Shaped<"X C F", "float">:$gate,
    EffAttn_Shaped<"X C F", "float">:$up,
    EffAttn_Shaped<"X F C", "float">:$down,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_ActivationAttr, "Activation::SiLU">:$activation);
  let assemblyFormat = [{
    `ins` `(` $x `,` $gates `,` $experts `,` $gate `,` $up `,` $down `:`
      type($x) `,` type($gates) `,` type($experts) `,` type($gate) `,` type($up) `,` type($down) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let hasPreconditions = 1;
}

#endif // EFFATTN_FEED_FORWARD_OPS
