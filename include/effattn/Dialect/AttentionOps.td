//===- AttentionOps.td - Attention and what it is made of -----------------===//
#ifndef EFFATTN_ATTENTION_OPS
#define EFFATTN_ATTENTION_OPS

include "effattn/Dialect/EffAttnBase.td"
include "effattn/Dialect/RotaryLayout.td"

def EffAttn_SeparatorPositionsOp : EffAttn_ComputeOp<"separator_positions"> {
  let hasPreconditions = 1;
  let summary = "mark the tokens that separate segments";
  let description = [{
    `is_separator[b, s] = [ids[b, s] in separators]`, or
    `bitmap[ids[b, s]]`.

    | operand        | shape   | meaning                                       |
    |----------------|---------|-----------------------------------------------|
    | `ids`          | `B x S` | token ids                                     |
    | `bitmap`       | `V`     | i1, a flag for every id of the vocabulary     |
    | `is_separator` | `B x S` | i1, written                                   |

    With the attribute `separators`, a list of ids in any order, every id is
    legal, padding such as -1 included, and none matches an empty list. With
    `bitmap` an id outside of [0, V) is an error at run time that names the id,
    its place and V.

    Cost: one load a token with `bitmap`, one comparison a token and separator
    with the list; so lists are for a handful of ids. No temporaries.

    Constraint C1: exactly one of `separators` and `bitmap` is given.

    ```mlir
    func.func @commas_and_stops(%ids: tensor<2x?xi32>, %flags: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %0 = effattn.separator_positions ins(%ids : tensor<2x?xi32>)
        outs(%flags : tensor<2x?xi1>) {separators = array<i64: 11, 13>}
      return %0 : tensor<2x?xi1>
    }

    func.func @from_the_vocabulary(%ids: tensor<2x?xi32>, %bitmap: tensor<?xi1>,
        %flags: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %0 = effattn.separator_positions ins(%ids : tensor<2x?xi32>) bitmap(%bitmap : tensor<?xi1>)
        outs(%flags : tensor<2x?xi1>)
      return %0 : tensor<2x?xi1>
    }
    ```
    Source: SepLLM (arXiv 2412.12094).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B S", "int">:$ids,
    EffAttn_OptionalShaped<"V", "bool">:$bitmap,
    EffAttn_Shaped<"B S", "bool">:$is_separator,
    OptionalAttr<DenseI64ArrayAttr>:$separators);
  let assemblyFormat = [{
    `ins` `(` $ids `:` type($ids) `)` (`bitmap` `(` $bitmap^ `:` type($bitmap) `)`)?
    `outs` `(` $is_separator `:` type($is_separator) `)` attr-dict
  }];
  let hasVerifier = 1;
}

def EffAttn_MaterializeMaskOp : EffAttn_ComputeOp<"materialize_mask",
    [EffAttn_MaskUserOpInterface]> {
  let summary = "write a mask out as a dense tensor of flags";
  let description = [{
    `keep[b, h, i, s]` = the mask keeps key s for query row i, whose position is
    `offset + i` (or `offset[b] + i`).

    | operand  | shape           | meaning                                    |
    |----------|-----------------|--------------------------------------------|
    | `offset` | scalar or `B`   | position of row 0; S - T where not given   |
    | `keep`   | `B x H x T x S` | i1, written                                |

    The default places the queries last among the keys, as attention does; it is
    negative where T > S. Offsets may be negative or beyond the keys. Without a
    mask region every key is kept. H is whatever `keep` has: masks that do not
    look at heads repeat themselves.

    For looking at masks and for handing them to other libraries; attention
    never needs the tensor, which has B H T S flags.

    Cost: one evaluation of the mask a flag. No temporaries.

    ```mlir
    func.func @second_chunk(%offset: i64, %keep: tensor<1x1x4x12xi1>) -> tensor<1x1x4x12xi1> {
      %0 = effattn.materialize_mask offset(%offset : i64) outs(%keep : tensor<1x1x4x12xi1>) mask {
        %mask = effattn.causal_mask
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x4x12xi1>
    }
    ```
    Source: the masks of SepLLM (arXiv 2412.12094) and what it is compared with.
  }];
  let arguments = (ins
    EffAttn_OptionalOffset:$offset,
    EffAttn_Shaped<"B H T S", "bool">:$keep);
  let regions = (region MaxSizedRegion<1>:$mask);
  let assemblyFormat = [{
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    `outs` `(` $keep `:` type($keep) `)` attr-dict (`mask` $mask^)?
  }];
  let moreDeclaration = [{
    ::mlir::Region &getMaskRegion() { return getMask(); }
    ::mlir::effattn::PositionBounds getPositionBounds();
    /// Emit the position of query row 0.
    ::mlir::Value emitOffset(::mlir::OpBuilder &builder, ::mlir::Value batch);
  }];
}

def EffAttn_AttentionOp : EffAttn_ComputeOp<"attention",
    [AttrSizedOperandSegments, EffAttn_MaskUserOpInterface],
    "1u + (adaptor.getLse() ? 1u : 0u)"> {
  let flops = "2 H pairs D + 2 H pairs E";
  let touched = "key=G keys D;value=G keys E;";
  let hasPreconditions = 1;
  let summary = "attend with grouped heads under a symbolic mask";
  let description = [{
    For query row i of batch row b and head h, over the keys s that it keeps:

    `x_s = scale <q[b, h, i], k[b, g, s]>`, `g = floor(h G / H)`;
    `x_s = softcap tanh(x_s / softcap)` where given; then the score region;
    `out = sum_s softmax(x)_s v[b, g, s]`, `lse = log sum_s exp(x_s)`.

    | operand         | shape           | meaning                               |
    |-----------------|-----------------|---------------------------------------|
    | `query`         | `B x H x T x D` | f32, bf16 or f16                      |
    | `key`           | `B x G x S x D` | any of these types                    |
    | `value`         | `B x G x S x E` | any of these types                    |
    | `lengths`       | `B`             | valid query rows                      |
    | `key_lengths`   | `B`             | valid keys                            |
    | `key_positions` | `B x S`         | position of each key; -1: not kept    |
    | `offset`        | scalar or `B`   | position of query row 0               |
    | `out`           | `B x H x T x E` | written, in the type of `query`       |
    | `lse`           | `B x H x T`     | f32, written                          |

    Positions. Query row i has position `offset + i`. The default offset is
    `S - T`; `key_lengths[b] - T` with `key_lengths` alone; and
    `key_lengths[b] - lengths[b]` with both. A key's position is its index, or
    what `key_positions` says, for rings and gathered keys. Mask and score
    region see positions. The mask region yields the mask; without it every key
    is kept, so attention is not causal by itself. `scale` is D^-0.5 where not
    given.

    The score region takes the score (f32), the batch row, the head, the query
    position and the key position (index), and yields the new score. It runs
    before the mask and for kept keys only. -inf is a legal score.

    Edges. Rows from `lengths[b]` on, rows that keep no key, and rows whose kept
    scores are all -inf give `out` = 0 and `lse` = -inf, never NaN. A NaN in
    query, key or value reaches only rows that keep it. T = 0, S = 0, D = 0
    (scores 0), E = 0, H = 0 and T > S (negative positions) are legal.

    Cost: D + E multiply-adds and one exponential a kept key, in f32. Columns of
    the mask (separators, initial keys) are gathered once a call into compact
    keys and values; a query visits them and its band, never all keys. Memory
    beyond operands: the compact keys and values, and 8 bytes a key for finding
    them; never T x S.

    Constraints: C1: the key heads G divide the query heads H (H = 0 aside).
    C2: softcap is positive and finite in f32. C3: the score region takes
    (f32, index, index, index, index) and yields f32.

    ```mlir
    func.func @alibi(%q: tensor<1x4x?x32xf32>, %k: tensor<1x2x?x32xf32>, %v: tensor<1x2x?x32xf32>,
        %slopes: tensor<4xf32>, %out: tensor<1x4x?x32xf32>, %lse: tensor<1x4x?xf32>)
        -> (tensor<1x4x?x32xf32>, tensor<1x4x?xf32>) {
      %0:2 = effattn.attention
        ins(%q, %k, %v : tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>)
        outs(%out, %lse : tensor<1x4x?x32xf32>, tensor<1x4x?xf32>) mask {
        %mask = effattn.causal_mask
        effattn.yield %mask : !effattn.mask
      } score {
      ^bb0(%score: f32, %b: index, %h: index, %query: index, %key: index):
        %slope = tensor.extract %slopes[%h] : tensor<4xf32>
        %distance = arith.subi %key, %query : index
        %integer = arith.index_cast %distance : index to i64
        %real = arith.sitofp %integer : i64 to f32
        %bias = arith.mulf %slope, %real : f32
        %sum = arith.addf %score, %bias : f32
        effattn.yield %sum : f32
      }
      return %0#0, %0#1 : tensor<1x4x?x32xf32>, tensor<1x4x?xf32>
    }
    ```
    Source: arXiv 1706.03762; grouped heads arXiv 2305.13245; running softmax as
    in FlashAttention (arXiv 2205.14135); gathered columns SepLLM
    (arXiv 2412.12094); ALiBi arXiv 2108.12409.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B H T D", "F">:$query,
    EffAttn_Shaped<"B G S D", "float">:$key,
    EffAttn_Shaped<"B G S E", "float">:$value,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_OptionalShaped<"B", "int">:$key_lengths,
    EffAttn_OptionalShaped<"B S", "int">:$key_positions,
    EffAttn_OptionalOffset:$offset,
    EffAttn_Shaped<"B H T E", "F">:$out,
    EffAttn_OptionalShaped<"B H T", "f32">:$lse,
    OptionalAttr<EffAttn_Real>:$scale,
    OptionalAttr<EffAttn_Real>:$softcap);
  let regions = (region MaxSizedRegion<1>:$mask, MaxSizedRegion<1>:$score);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    (`key_lengths` `(` $key_lengths^ `:` type($key_lengths) `)`)?
    (`key_positions` `(` $key_positions^ `:` type($key_positions) `)`)?
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    `outs` `(` $out (`,` $lse^)? `:` type($out) (`,` type($lse)^)? `)` attr-dict
    (`mask` $mask^)? (`score` $score^)?
  }];
  let moreDeclaration = [{
    ::mlir::Region &getMaskRegion() { return getMask(); }
    ::mlir::effattn::PositionBounds getPositionBounds();
    /// Emit the position of query row 0 of a batch row.
    ::mlir::Value emitOffset(::mlir::OpBuilder &builder, ::mlir::Value batch);
    /// Emit the number of valid query rows or keys of a batch row.
    ::mlir::Value emitQueryEnd(::mlir::OpBuilder &builder, ::mlir::Value batch);
    ::mlir::Value emitKeyEnd(::mlir::OpBuilder &builder, ::mlir::Value batch);
    /// Emit the factor of the products, f32.
    ::mlir::Value emitScale(::mlir::OpBuilder &builder);
    /// Emit the score that the product <q, k> of a kept key becomes: scaled,
    /// capped, and through the score region. All f32.
    ::mlir::Value emitScore(::mlir::OpBuilder &builder, ::mlir::Value product,
                            const ::mlir::effattn::MaskPoint &point);
    /// The same from a score that has been scaled: capped and through the
    /// region.
    ::mlir::Value emitFinalScore(::mlir::OpBuilder &builder, ::mlir::Value score,
                                 const ::mlir::effattn::MaskPoint &point);
  }];
  let hasVerifier = 1;
}

def EffAttn_MergeAttentionOp : EffAttn_ComputeOp<"merge_attention", [], "2"> {
  let flops = "3 out";
  let summary = "combine two attention results over disjoint keys";
  let description = [{
    With `m = max(lse1, lse2)` and `w_n = exp(lse_n - m)`:

    `out = (w_1 out1 + w_2 out2) / (w_1 + w_2)`, `lse = m + log(w_1 + w_2)`,

    which is attention over the keys of both parts, up to rounding.

    | operand        | shape           | meaning                                |
    |----------------|-----------------|----------------------------------------|
    | `out1`, `out2` | `B x H x T x E` | f32, bf16 or f16                       |
    | `lse1`, `lse2` | `B x H x T`     | f32                                    |
    | `out`          | `B x H x T x E` | written, in the type of `out1`         |
    | `lse`          | `B x H x T`     | f32, written                           |

    A part with lse -inf has kept no key: the other part is taken as it is, and
    whatever the empty part holds, NaN included, is ignored. Where both are
    empty the result is 0 and -inf. The weights are taken relative to the
    larger lse, so that a large lse costs no precision.

    For keys that are split over workers (decode over a long cache) or over
    machines, and for attending to a cache and to new keys apart.

    Cost: two exponentials and a logarithm a row, 2 E multiply-adds. No
    temporaries.

    ```mlir
    func.func @cache_and_new(%out1: tensor<?x4x?x64xf32>, %lse1: tensor<?x4x?xf32>,
        %out2: tensor<?x4x?x64xf32>, %lse2: tensor<?x4x?xf32>,
        %out: tensor<?x4x?x64xf32>, %lse: tensor<?x4x?xf32>)
        -> (tensor<?x4x?x64xf32>, tensor<?x4x?xf32>) {
      %0:2 = effattn.merge_attention ins(%out1, %lse1, %out2, %lse2
          : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?xf32>)
        outs(%out, %lse : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>)
      return %0#0, %0#1 : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>
    }
    ```
    Source: FlashAttention (arXiv 2205.14135), the step that joins key blocks.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B H T E", "F">:$out1,
    EffAttn_Shaped<"B H T", "f32">:$lse1,
    EffAttn_Shaped<"B H T E", "float">:$out2,
    EffAttn_Shaped<"B H T", "f32">:$lse2,
    EffAttn_Shaped<"B H T E", "F">:$out,
    EffAttn_Shaped<"B H T", "f32">:$lse);
  let assemblyFormat = [{
    `ins` `(` $out1 `,` $lse1 `,` $out2 `,` $lse2 `:`
      type($out1) `,` type($lse1) `,` type($out2) `,` type($lse2) `)`
    `outs` `(` $out `,` $lse `:` type($out) `,` type($lse) `)` attr-dict
  }];
}

def EffAttn_SystematicAttentionOp : EffAttn_ComputeOp<"systematic_attention",
    [AttrSizedOperandSegments, EffAttn_MaskUserOpInterface], "2"> {
  let flops = "2 H pairs D + 4 H pairs E";
  let hasPreconditions = 1;
  let summary = "attend once for two streams of values, with relative tables";
  let description = [{
    One softmax that averages two streams of values, such as the content of
    tokens and their structural role. For query row i at position S - T + i, over
    the keys s that it keeps, with `r = clip(s - position, -R, R) + R`:

    `x_s = scale <q[b, h, i], k[b, g, s] + a_r>`, `g = floor(h G / H)`;
    `out = sum_s softmax(x)_s (v[b, g, s] + b_r)`,
    `out2 = sum_s softmax(x)_s (v2[b, g, s] + b_r)`

    | operand           | shape           | meaning                             |
    |-------------------|-----------------|-------------------------------------|
    | `query`           | `B x H x T x D` | f32, bf16 or f16                    |
    | `key`             | `B x G x S x D` | any of these types                  |
    | `value`, `value2` | `B x G x S x E` | any of these types                  |
    | `relative_keys`   | `2R+1 x D`      | a, by distance; 0 without it         |
    | `relative_values` | `2R+1 x E`      | b, by distance; 0 without it         |
    | `out`, `out2`     | `B x H x T x E` | written, in the type of `query`     |

    The mask region and everything about positions, masks and rows without keys
    is as in `attention`: without a mask every key is kept; such rows, and rows
    whose kept scores are all -inf, give 0; a NaN in query, key, value or a table
    reaches only rows that keep it. `scale` is D^-0.5 where not given. Sizes may
    be 0; a table has at least one row.

    C1: the key heads G divide the query heads H (H = 0 aside). C2: the tables
    have an odd number of rows.

    Cost: that of `attention` with values of 2 E columns; D + E more for each
    kept key nearer than R, and 2 (D + E) more a query row: keys further away
    share the first or the last row of a table. Memory as in `attention`, with
    buffers three times as wide.

    ```mlir
    func.func @content_and_role(%q: tensor<1x4x?x32xf32>, %k: tensor<1x2x?x32xf32>, %v: tensor<1x2x?x32xf32>,
        %roles: tensor<1x2x?x32xf32>, %a: tensor<33x32xf32>, %b: tensor<33x32xf32>,
        %out: tensor<1x4x?x32xf32>, %out2: tensor<1x4x?x32xf32>)
        -> (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) {
      %0:2 = effattn.systematic_attention
        ins(%q, %k, %v, %roles : tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>)
        relative_keys(%a : tensor<33x32xf32>) relative_values(%b : tensor<33x32xf32>)
        outs(%out, %out2 : tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) mask {
        %mask = effattn.causal_mask
        effattn.yield %mask : !effattn.mask
      }
      return %0#0, %0#1 : tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>
    }
    ```
    Source: SQ-Transformer (arXiv 2402.06492); relative tables arXiv 1803.02155.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B H T D", "F">:$query,
    EffAttn_Shaped<"B G S D", "float">:$key,
    EffAttn_Shaped<"B G S E", "float">:$value,
    EffAttn_Shaped<"B G S E", "float">:$value2,
    EffAttn_OptionalShaped<"Nr D", "float">:$relative_keys,
    EffAttn_OptionalShaped<"Nr E", "float">:$relative_values,
    EffAttn_Shaped<"B H T E", "F">:$out,
    EffAttn_Shaped<"B H T E", "F">:$out2,
    OptionalAttr<EffAttn_Real>:$scale);
  let regions = (region MaxSizedRegion<1>:$mask);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `,` $value2 `:`
      type($query) `,` type($key) `,` type($value) `,` type($value2) `)`
    (`relative_keys` `(` $relative_keys^ `:` type($relative_keys) `)`)?
    (`relative_values` `(` $relative_values^ `:` type($relative_values) `)`)?
    `outs` `(` $out `,` $out2 `:` type($out) `,` type($out2) `)` attr-dict
    (`mask` $mask^)?
  }];
  let moreDeclaration = [{
    ::mlir::Region &getMaskRegion() { return getMask(); }
    ::mlir::effattn::PositionBounds getPositionBounds();
    /// Emit the position of query row 0.
    ::mlir::Value emitOffset(::mlir::OpBuilder &builder);
    /// Emit the factor of the products, f32.
    ::mlir::Value emitScale(::mlir::OpBuilder &builder);
  }];
  let hasVerifier = 1;
}

def EffAttn_RotaryEmbeddingOp : EffAttn_ComputeOp<"rotary_embedding"> {
  let flops = "3 x";
  let hasPreconditions = 1;
  let summary = "rotate pairs of columns by angles that grow with the position";
  let description = [{
    Pair i of columns (a, b) of a token at position p turns by an angle:

    `(a, b) -> (a cos x - b sin x, b cos x + a sin x)`,
    `x = p / scaling * base^(-2 i / dims)`

    | operand     | shape           | meaning                                  |
    |-------------|-----------------|------------------------------------------|
    | `x`         | `B x H x T x D` | queries or keys; f32, bf16 or f16         |
    | `positions` | `B x T`         | p, any integer, negative ones too         |
    | `out`       | `B x H x T x D` | written, in the type of `x`               |

    The first `dims` columns rotate, all D where not given; the others stay as
    they are. `layout` says which columns are a pair: `half` (the default) i
    and `i + dims / 2`, `interleaved` 2i and 2i + 1. `scaling` stretches the
    positions a model was trained on. The product of a rotated query and a
    rotated key depends on the distance of their positions alone.

    Angles are f64, so that positions of millions and more cost no precision;
    the rotation is f32. `dims = 0` copies. A NaN reaches its own pair only.
    `out` may be the memory of `x`. Sizes may be 0.

    C1: `dims` is even, not negative and at most D. C2: `base` is positive and
    finite. C3: `scaling` is positive and finite.

    Cost: a sine and a cosine a token and pair, whatever the number of heads,
    and three operations an element. Memory beyond operands: 4 dims bytes, and
    4 dims more for every group of tokens in work.

    ```mlir
    func.func @half_of_the_columns(%q: tensor<?x8x?x64xbf16>, %positions: tensor<?x?xi64>,
        %out: tensor<?x8x?x64xbf16>) -> tensor<?x8x?x64xbf16> {
      %turned = effattn.rotary_embedding ins(%q, %positions : tensor<?x8x?x64xbf16>, tensor<?x?xi64>)
        outs(%out : tensor<?x8x?x64xbf16>)
        {base = 5.0e5, dims = 32, layout = #effattn.rope_layout<interleaved>}
      return %turned : tensor<?x8x?x64xbf16>
    }
    ```
    Source: RoFormer (arXiv 2104.09864).
  }];
  let arguments = (ins
    EffAttn_Shaped<"B H T D", "F">:$x,
    EffAttn_Shaped<"B T", "int">:$positions,
    EffAttn_Shaped<"B H T D", "F">:$out,
    DefaultValuedAttr<EffAttn_Real, "10000.0">:$base,
    OptionalAttr<I64Attr>:$dims,
    DefaultValuedAttr<EffAttn_RopeLayoutAttr, "RopeLayout::Half">:$layout,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$scaling);
  let assemblyFormat = [{
    `ins` `(` $x `,` $positions `:` type($x) `,` type($positions) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let moreDeclaration = [{
    /// Emit how many columns rotate.
    ::mlir::Value emitDims(::mlir::OpBuilder &builder);
  }];
  let hasVerifier = 1;
}

#endif // EFFATTN_ATTENTION_OPS
