//===- ConceptOps.td - Chunk tokens into concepts and map them back -------===//
#ifndef EFFATTN_CONCEPT_OPS
#define EFFATTN_CONCEPT_OPS

include "effattn/Dialect/EffAttnBase.td"

def EffAttn_Pairing : I32EnumAttr<"Pairing", "which neighbours a boundary compares", [
    I32EnumAttrCase<"CurrentQuery", 0, "current_query">,
    I32EnumAttrCase<"PreviousQuery", 1, "previous_query">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_PairingAttr : EnumAttr<EffAttn_Dialect, EffAttn_Pairing, "pairing"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_Overflow : I32EnumAttr<"Overflow", "what happens past the capacity", [
    I32EnumAttrCase<"Error", 0, "error">, I32EnumAttrCase<"Drop", 1, "drop">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_OverflowAttr : EnumAttr<EffAttn_Dialect, EffAttn_Overflow, "overflow"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_BoundaryProbabilityOp : EffAttn_ComputeOp<"boundary_probability",
    [AttrSizedOperandSegments], "2", "init == 1 && getResume()"> {
  let flops = "6 B T C";
  let summary = "score how likely a concept starts at each token";
  let description = [{
    Compares every token with the one before it: the less alike the two, the
    more likely a concept starts.

    `p_t = clamp((1 - cos(a_t, b_{t-1})) / 2, 0, 1)`,
    `cos(a, b) = <a / max(|a|, 1e-12), b / max(|b|, 1e-12)>`

    | operand        | shape       | meaning                                    |
    |----------------|-------------|--------------------------------------------|
    | `query`, `key` | `B x T x C` | projected hidden states                    |
    | `started`      | `B`         | rows that have a predecessor in `last`     |
    | `sequence_ids` | `B x T`     | which of several packed sequences a token is of |
    | `lengths`      | `B`         | valid tokens of each row                   |
    | `p`            | `B x T`     | f32, written                               |
    | `last`         | `B x C`     | the neighbour before token 0, updated      |

    `pairing` says what is compared: `current_query` takes a = query and
    b = key, `previous_query` takes a = key and b = query. `last` becomes the
    last valid b of each row, the neighbour that the next call needs.

    With `resume`, `last` is read: b_{-1}, for the rows that `started` names, or
    for all rows without `started`. A row that has no neighbour, and every row
    without `resume`, begins with p_0 = 1. Constraint C1: `started` comes with
    `resume`.

    Edges: p is 1 where `sequence_ids` changes inside a row and 0 past
    `lengths`. A vector of zeros gives 0.5; NaN stays NaN. A row without a valid
    token keeps `last` (with `resume`) or gets zeros. Dot products and norms are
    summed in f64, so large values do not overflow and near ties do not depend
    on the order of summation. Cost: `3 B T C` multiply-adds.

    ```mlir
    func.func @score(%query: tensor<2x?x64xf32>, %key: tensor<2x?x64xf32>,
        %p: tensor<2x?xf32>, %last: tensor<2x64xf32>)
        -> (tensor<2x?xf32>, tensor<2x64xf32>) {
      %scores, %next = effattn.boundary_probability resume
        ins(%query, %key : tensor<2x?x64xf32>, tensor<2x?x64xf32>)
        outs(%p, %last : tensor<2x?xf32>, tensor<2x64xf32>)
        {pairing = #effattn.pairing<previous_query>}
      return %scores, %next : tensor<2x?xf32>, tensor<2x64xf32>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420); H-Net (arXiv 2507.07955) for
    `previous_query`.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T C", "F">:$query,
    EffAttn_Shaped<"B T C", "F">:$key,
    EffAttn_OptionalShaped<"B", "bool">:$started,
    EffAttn_OptionalShaped<"B T", "int">:$sequence_ids,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B T", "f32">:$p,
    EffAttn_Shaped<"B C", "F">:$last,
    DefaultValuedAttr<EffAttn_PairingAttr, "Pairing::CurrentQuery">:$pairing,
    UnitAttr:$resume);
  let assemblyFormat = [{
    (`resume` $resume^)?
    `ins` `(` $query `,` $key `:` type($query) `,` type($key) `)`
    (`started` `(` $started^ `:` type($started) `)`)?
    (`sequence_ids` `(` $sequence_ids^ `:` type($sequence_ids) `)`)?
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $p `,` $last `:` type($p) `,` type($last) `)` attr-dict
  }];
  let hasVerifier = 1;
}

def EffAttn_BoundaryMaskOp : EffAttn_ComputeOp<"boundary_mask"> {
  let summary = "decide which tokens start a concept";
  let description = [{
    `mask = p >= threshold`, or `p > threshold` when `strict`

    | operand    | shape   | meaning                           |
    |------------|---------|-----------------------------------|
    | `p`        | `B x T` | boundary probability              |
    | `uniforms` | `B x T` | samples of [0, 1), training only  |
    | `mask`     | `B x T` | i1, written                       |

    With `uniforms` a boundary is drawn, and `threshold` and `strict` rest:

    `mask = uniforms < s(p)`,
    `s(p) = p^(1/6)` if `p > 0.5`, else `1 - (1 - p)^(1/6)`

    so p is first moved away from 0.5. The comparison is made with sixth powers
    of the sample in f64 rather than with roots, hence without a rounding of s.

    Edges: `threshold` is taken at the precision of p, so that a p of 0.7 is a
    tie with a threshold of 0.7. A NaN is no boundary. Thresholds outside [0, 1]
    are legal and make all or no tokens boundaries. Cost: `B T`.

    ```mlir
    func.func @decide(%p: tensor<2x?xf32>, %out: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %mask = effattn.boundary_mask ins(%p : tensor<2x?xf32>)
        outs(%out : tensor<2x?xi1>) {threshold = 0.5, strict = true}
      return %mask : tensor<2x?xi1>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420), which keeps ties; H-Net
    (arXiv 2507.07955), which does not (`strict`).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T", "f32">:$p,
    EffAttn_OptionalShaped<"B T", "f32">:$uniforms,
    EffAttn_Shaped<"B T", "bool">:$mask,
    DefaultValuedAttr<EffAttn_Real, "0.5">:$threshold,
    DefaultValuedAttr<BoolAttr, "false">:$strict);
  let assemblyFormat = [{
    `ins` `(` $p `:` type($p) `)` (`uniforms` `(` $uniforms^ `:` type($uniforms) `)`)?
    `outs` `(` $mask `:` type($mask) `)` attr-dict
  }];
}

def EffAttn_BoundaryCountOp : EffAttn_ComputeOp<"boundary_count", [], "2"> {
  let summary = "count the boundaries of each row and find the largest count";
  let description = [{
    `counts_b = #{t < length_b : mask_{b,t}}`, `largest = max(0, max_b counts_b)`

    | operand   | shape   | meaning                            |
    |-----------|---------|------------------------------------|
    | `mask`    | `B x T` | boundaries                         |
    | `lengths` | `B`     | valid tokens of each row           |
    | `counts`  | `B`     | i32, written                       |
    | `largest` | scalar  | i32, written; 0 without rows       |

    `largest` is the capacity that `effattn.chunk` needs to keep every boundary:
    a caller counts, allocates that many concepts, then chunks. Boundaries past
    `lengths` do not count. Cost: `B T`.

    ```mlir
    func.func @count(%mask: tensor<?x?xi1>, %lengths: tensor<?xi32>,
        %counts: tensor<?xi32>, %largest: tensor<i32>) -> (tensor<?xi32>, tensor<i32>) {
      %each, %most = effattn.boundary_count ins(%mask : tensor<?x?xi1>)
        lengths(%lengths : tensor<?xi32>)
        outs(%counts, %largest : tensor<?xi32>, tensor<i32>)
      return %each, %most : tensor<?xi32>, tensor<i32>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T", "bool">:$mask,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B", "i32">:$counts,
    EffAttn_Shaped<"", "i32">:$largest);
  let assemblyFormat = [{
    `ins` `(` $mask `:` type($mask) `)` (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $counts `,` $largest `:` type($counts) `,` type($largest) `)` attr-dict
  }];
}

def EffAttn_ChunkOp : EffAttn_ComputeOp<"chunk", [], "2"> {
  let hasPreconditions = 1;
  let summary = "keep the rows of the hidden states at concept boundaries";
  let description = [{
    `concepts_{b,n} = h_{b,t(n)}` with `t(n)` the n-th boundary of row b

    | operand    | shape       | meaning                                       |
    |------------|-------------|-----------------------------------------------|
    | `h`        | `B x T x C` | hidden states                                 |
    | `mask`     | `B x T`     | boundaries                                    |
    | `lengths`  | `B`         | valid tokens of each row                      |
    | `concepts` | `B x N x C` | written; N is the capacity                    |
    | `counts`   | `B`         | i32, written: the concepts that were kept     |

    The token at a boundary starts its concept and alone represents it; the
    tokens up to the next boundary add nothing. Rows of `concepts` past `counts`
    are 0.

    `overflow` says what more than N boundaries in a row mean: with `error` the
    function ends with a message that names the capacity, the row and its
    boundaries, before anything is written; with `drop` the later ones are left
    out. Where N is at least T for sure there is nothing to check.

    Edges: N = 0 and T = 0 are legal; boundaries past `lengths` are none. Cost:
    `B T` to find the boundaries and `B N C` to write, `B N` indices of memory.

    ```mlir
    func.func @gather(%h: tensor<2x?x64xbf16>, %mask: tensor<2x?xi1>,
        %concepts: tensor<2x?x64xbf16>, %counts: tensor<2xi32>)
        -> (tensor<2x?x64xbf16>, tensor<2xi32>) {
      %kept, %n = effattn.chunk ins(%h, %mask : tensor<2x?x64xbf16>, tensor<2x?xi1>)
        outs(%concepts, %counts : tensor<2x?x64xbf16>, tensor<2xi32>)
        {overflow = #effattn.overflow<drop>}
      return %kept, %n : tensor<2x?x64xbf16>, tensor<2xi32>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420); H-Net (arXiv 2507.07955).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T C", "F">:$h,
    EffAttn_Shaped<"B T", "bool">:$mask,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B N C", "F">:$concepts,
    EffAttn_Shaped<"B", "i32">:$counts,
    DefaultValuedAttr<EffAttn_OverflowAttr, "Overflow::Error">:$overflow);
  let assemblyFormat = [{
    `ins` `(` $h `,` $mask `:` type($h) `,` type($mask) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $concepts `,` $counts `:` type($concepts) `,` type($counts) `)` attr-dict
  }];
}

def EffAttn_DechunkOp : EffAttn_ComputeOp<"dechunk",
    [AttrSizedOperandSegments], "2", "init == 1 && getResume()"> {
  let flops = "3 y + residual";
  let summary = "map concepts back to tokens through an exponential moving average";
  let description = [{
    Smooths the concepts of each row and hands every token the concept that it
    belongs to.

    `e_i = (1 - pi_i) e_{i-1} + pi_i y_i`, `out_t = e_{j(t)}`,
    `j(t) = #{u <= t : mask_u} - 1`

    | operand        | shape       | meaning                                    |
    |----------------|-------------|--------------------------------------------|
    | `y`            | `B x N x C` | concepts; rows past a row's boundaries are not read |
    | `p`            | `B x T`     | boundary probability; `pi_i` is p at boundary i |
    | `mask`         | `B x T`     | boundaries                                 |
    | `residual`     | `B x T x C` | h of `out = h + e`                         |
    | `sequence_ids` | `B x T`     | which of several packed sequences a token is of |
    | `lengths`      | `B`         | valid tokens of each row                   |
    | `out`          | `B x T x C` | written, in the type of `y`                |
    | `state`        | `B x C`     | f32: the e of the last valid token         |

    With `resume`, `state` is read and is `e_{-1}`, which tokens before the first
    boundary receive; without, `e_{-1}` is 0 and `state` is only written. Running
    all tokens at once and running them in pieces, each resuming from the last,
    give the same.

    `epsilon` clamps `pi` to `[epsilon, 1 - epsilon]`: 0 in ConceptMoE, 1e-4 in
    H-Net. Constraint C1: `epsilon` is in [0, 0.5]. The residual is added in f32,
    before the sum is rounded to the type of `out`.

    Edges: boundaries past N, which `effattn.chunk` dropped, change nothing, and
    their tokens keep the last e; with N = 0 every token receives `e_{-1}`. e is
    0 again where `sequence_ids` changes inside a row, until the next boundary
    that was kept. `out` is 0 past `lengths`, where p, mask and residual are not
    looked at; a row without a valid token keeps `e_{-1}`. Cost: `B T C`, in
    order of t, with no memory beyond the operands.

    ```mlir
    func.func @expand(%y: tensor<2x?x64xf32>, %p: tensor<2x?xf32>, %mask: tensor<2x?xi1>,
        %out: tensor<2x?x64xf32>, %state: tensor<2x64xf32>)
        -> (tensor<2x?x64xf32>, tensor<2x64xf32>) {
      %e, %next = effattn.dechunk resume
        ins(%y, %p, %mask : tensor<2x?x64xf32>, tensor<2x?xf32>, tensor<2x?xi1>)
        outs(%out, %state : tensor<2x?x64xf32>, tensor<2x64xf32>) {epsilon = 1.0e-4}
      return %e, %next : tensor<2x?x64xf32>, tensor<2x64xf32>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420); H-Net (arXiv 2507.07955) for
    `epsilon`.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B N C", "F">:$y,
    EffAttn_Shaped<"B T", "f32">:$p,
    EffAttn_Shaped<"B T", "bool">:$mask,
    EffAttn_OptionalShaped<"B T C", "float">:$residual,
    EffAttn_OptionalShaped<"B T", "int">:$sequence_ids,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B T C", "F">:$out,
    EffAttn_Shaped<"B C", "f32">:$state,
    DefaultValuedAttr<EffAttn_Real, "0.0">:$epsilon,
    UnitAttr:$resume);
  let assemblyFormat = [{
    (`resume` $resume^)?
    `ins` `(` $y `,` $p `,` $mask `:` type($y) `,` type($p) `,` type($mask) `)`
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    (`sequence_ids` `(` $sequence_ids^ `:` type($sequence_ids) `)`)?
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $out `,` $state `:` type($out) `,` type($state) `)` attr-dict
  }];
  let hasVerifier = 1;
}

def EffAttn_RatioLossOp : EffAttn_ComputeOp<"ratio_loss"> {
  let summary = "measure how far the chunking is from its target ratio";
  let description = [{
    `loss = R / (R - 1) ((R - 1) F G + (1 - F)(1 - G))`

    | operand   | shape   | meaning                     |
    |-----------|---------|-----------------------------|
    | `p`       | `B x T` | boundary probability        |
    | `mask`    | `B x T` | boundaries                  |
    | `lengths` | `B`     | valid tokens of each row    |
    | `loss`    | scalar  | f32, written                |

    R is `ratio`, the tokens per concept to aim at; F is the share of boundaries
    and G the mean of p, both over all valid tokens of the batch. The loss is 1
    where F and G are both 1 / R, and pulls them there in training. Constraint
    C1: `ratio` is above 1 and finite.

    Edges: 0 when no token is valid; p and mask past `lengths` are not looked
    at; NaN in p gives NaN. The sums are f64, so a million tokens stay exact to
    f32. Cost: `B T`.

    ```mlir
    func.func @loss(%p: tensor<2x?xf32>, %mask: tensor<2x?xi1>,
        %lengths: tensor<2xi64>, %out: tensor<f32>) -> tensor<f32> {
      %loss = effattn.ratio_loss ins(%p, %mask : tensor<2x?xf32>, tensor<2x?xi1>)
        lengths(%lengths : tensor<2xi64>) outs(%out : tensor<f32>) {ratio = 4.0}
      return %loss : tensor<f32>
    }
    ```
    Source: ConceptMoE (arXiv 2601.21420); H-Net (arXiv 2507.07955).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T", "f32">:$p,
    EffAttn_Shaped<"B T", "bool">:$mask,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"", "f32">:$loss,
    EffAttn_Real:$ratio);
  let assemblyFormat = [{
    `ins` `(` $p `,` $mask `:` type($p) `,` type($mask) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $loss `:` type($loss) `)` attr-dict
  }];
  let hasVerifier = 1;
}

#endif // EFFATTN_CONCEPT_OPS
