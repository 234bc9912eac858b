def @PREFIX@_@CLASS@Op : @BASE@<"@NAME@"@BASE_ARGUMENTS@> {
  let summary = "multiply every element by a factor";
  let description = [{
    `out = x * factor`, computed in f32 and rounded to the type of `x`.

    | operand | shape   | meaning                             |
    |---------|---------|-------------------------------------|
    | `x`     | `... C` | rows                                |
    | `out`   | `... C` | the scaled rows, in the type of `x` |

    NaN stays NaN and infinities follow the rules of IEEE arithmetic. Any size
    may be 0.

    Cost: each element is read and written once.

    ```mlir
    func.func @example(%x: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %0 = @DIALECT@.@NAME@ ins(%x : tensor<?x8xf32>) outs(%out : tensor<?x8xf32>) {factor = 2.0}
      return %0 : tensor<?x8xf32>
    }
    ```
    Source: none, this is where an op of its own begins.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"... C", "F">:$out,
    EffAttn_Real:$factor);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}
