//===- NormOps.td - Norms of rows ----------------------------------------===//
#ifndef EFFATTN_NORM_OPS
#define EFFATTN_NORM_OPS

include "effattn/Dialect/EffAttnBase.td"

def EffAttn_RMSNormOp : EffAttn_ComputeOp<"rms_norm"> {
  let flops = "4 x";
  let summary = "divide every row by its root mean square";
  let description = [{
    `out = x / sqrt(mean(x^2) + epsilon) * weight`, the mean over the columns
    of a row; with `unit_offset` the factor is `1 + weight`.

    | operand  | shape   | meaning                                      |
    |----------|---------|----------------------------------------------|
    | `x`      | `... C` | rows                                          |
    | `weight` | `C`     | a factor a column, f32, bf16 or f16           |
    | `out`    | `... C` | the scaled rows, in the type of `x`           |

    Squares are summed and rows are scaled in f64, whatever the types: no f32
    overflows when it is squared, and results are rounded at the end. A row of zeros
    gives zeros; with `epsilon = 0` it gives NaN, as 0 / 0 does. A NaN or an
    infinity makes NaN of itself: a NaN of its whole row, an infinity of its
    own column only, and 0 of the others. `epsilon` is not checked: a negative
    one makes NaN of the rows whose mean square it exceeds. Any size may be 0.

    Cost: each row is read twice and written once; no scratch. Rows run in
    parallel.

    ```mlir
    func.func @normalize(%x: tensor<?x?x640xbf16>, %weight: tensor<640xf32>, %out: tensor<?x?x640xbf16>)
        -> tensor<?x?x640xbf16> {
      %rows = effattn.rms_norm ins(%x, %weight : tensor<?x?x640xbf16>, tensor<640xf32>)
        outs(%out : tensor<?x?x640xbf16>) {unit_offset = true}
      return %rows : tensor<?x?x640xbf16>
    }
    ```
    Source: Root Mean Square Layer Normalization (arXiv 1910.07467).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"C", "float">:$weight,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_Real, "1.0e-6">:$epsilon,
    DefaultValuedAttr<BoolAttr, "false">:$unit_offset);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_LayerNormOp : EffAttn_ComputeOp<"layer_norm"> {
  let flops = "7 x";
  let summary = "shift every row to mean 0 and scale it to variance 1";
  let description = [{
    `out = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias`

    | operand  | shape   | meaning                                      |
    |----------|---------|----------------------------------------------|
    | `x`      | `... C` | rows                                          |
    | `weight` | `C`     | a factor a column, f32, bf16 or f16           |
    | `bias`   | `C`     | added to every row; 0 without it              |
    | `out`    | `... C` | the normal rows, in the type of `x`           |

    The variance is the mean of squared distances from the mean, not a
    difference of sums, and all of it is f64, whatever the types: a mean that
    is large beside the deviations does not swallow them, no f32 overflows when
    it is squared, and results are rounded at the end. A row whose elements are all
    alike gives `bias`; with `epsilon = 0` it gives NaN, as 0 / 0 does. A NaN or
    an infinity makes its whole row NaN. `epsilon` is not checked: a negative
    one makes NaN of the rows whose variance it exceeds. Any size may be 0.

    Cost: each row is read three times and written once; no scratch. Rows run
    in parallel.

    ```mlir
    func.func @standardize(%x: tensor<?x?xf32>, %weight: tensor<?xf32>, %bias: tensor<?xf32>,
        %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %rows = effattn.layer_norm ins(%x, %weight : tensor<?x?xf32>, tensor<?xf32>)
        bias(%bias : tensor<?xf32>) outs(%out : tensor<?x?xf32>) {epsilon = 1.0e-6}
      return %rows : tensor<?x?xf32>
    }
    ```
    Source: Layer Normalization (arXiv 1607.06450).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"C", "float">:$weight,
    EffAttn_OptionalShaped<"C", "float">:$bias,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_Real, "1.0e-5">:$epsilon);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

#endif // EFFATTN_NORM_OPS
