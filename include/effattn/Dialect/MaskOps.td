//===- MaskOps.td - Which keys a query keeps ------------------------------===//
#ifndef EFFATTN_MASK_OPS
#define EFFATTN_MASK_OPS

include "effattn/Dialect/MaskBase.td"

// In the texts below q is the absolute position of a query row (`offset` of the
// op that uses the mask, plus the row) and k the position of a key: its index,
// or what `key_positions` says. S keys, T query rows, B batch rows, H heads.

def EffAttn_CausalMaskOp : EffAttn_MaskOp<"causal_mask", ["emitSupport", "emitCore"]> {
  let summary = "keep keys at or before the query";
  let description = [{
    `keep(q, k) = [k <= q]`

    A query before the first key (a negative q) keeps nothing; one behind the
    last key keeps every key. Which position row 0 has is decided by `offset`
    of the op around the mask, so the same mask serves a whole prompt, a chunk
    of it, and one token of decoding.

    Cost: a query visits the keys up to its own position and no others.

    ```mlir
    func.func @causal(%keep: tensor<1x1x3x5xi1>) -> tensor<1x1x3x5xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x3x5xi1>) mask {
        %mask = effattn.causal_mask
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x3x5xi1>
    }
    ```
    Source: decoder self-attention (arXiv 1706.03762).
  }];
  let assemblyFormat = "attr-dict";
}

def EffAttn_WindowMaskOp : EffAttn_MaskOp<"window_mask", ["emitSupport", "emitCore"]> {
  let summary = "keep keys less than a number of positions before the query, and all after it";
  let description = [{
    `keep(q, k) = [k > q - size]`

    The query itself counts, so `size = 1` is the query alone. The window has no
    end of its own: later keys are kept too, and a sliding window is
    `mask_and` of this and `causal_mask`. A size beyond every distance keeps
    all keys.

    Cost: a query visits no key before its window; under `causal_mask` that is
    `min(size, q + 1)` keys.

    Constraint C1: size is at least 1.

    ```mlir
    func.func @sliding_window(%keep: tensor<1x1x6x6xi1>) -> tensor<1x1x6x6xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x6x6xi1>) mask {
        %window = effattn.window_mask {size = 2}
        %causal = effattn.causal_mask
        %mask = effattn.mask_and %window, %causal
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x6x6xi1>
    }
    ```
    Source: Longformer (arXiv 2004.05150), the causal half of its window.
  }];
  let arguments = (ins I64Attr:$size);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def EffAttn_InitialMaskOp : EffAttn_MaskOp<"initial_mask",
    ["emitSupport", "emitCore", "hasColumns", "emitColumn"]> {
  let summary = "keep the first keys of a row";
  let description = [{
    `keep(q, k) = [start_b <= k < start_b + count]`, with start 0 where
    `starts` is not given.

    | operand  | shape | meaning                                       |
    |----------|-------|-----------------------------------------------|
    | `starts` | `B`   | first valid position of a row (left padding)  |

    The attention sinks of StreamingLLM: with `window_mask` beside it and
    `causal_mask` around both, a stream attends to its first tokens and its
    last ones. `count = 0` keeps nothing; a count beyond the keys keeps all
    from start on. Positions before the start are never kept.

    Cost: the keys are columns, kept wherever the query stands. Attention
    gathers them once a call, and a query visits `count` of them at most.

    Constraint C1: count is not negative.

    ```mlir
    func.func @sinks(%keep: tensor<1x1x8x8xi1>) -> tensor<1x1x8x8xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x8x8xi1>) mask {
        %initial = effattn.initial_mask {count = 2}
        %window = effattn.window_mask {size = 3}
        %either = effattn.mask_or %initial, %window
        %causal = effattn.causal_mask
        %mask = effattn.mask_and %either, %causal
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x8x8xi1>
    }
    ```
    Source: StreamingLLM (arXiv 2309.17453).
  }];
  let arguments = (ins EffAttn_OptionalShaped<"B", "int">:$starts, I64Attr:$count);
  let assemblyFormat = "(`starts` `(` $starts^ `:` type($starts) `)`)? attr-dict";
  let hasVerifier = 1;
}

def EffAttn_LengthMaskOp : EffAttn_MaskOp<"length_mask", ["emitSupport", "emitCore"]> {
  let summary = "keep keys inside the valid part of a row";
  let description = [{
    `keep(q, k) = [start_b <= k < length_b]`, with start 0 where `starts` is
    not given.

    | operand   | shape | meaning                            |
    |-----------|-------|------------------------------------|
    | `lengths` | `B`   | position after a row's last key    |
    | `starts`  | `B`   | first valid position of a row      |

    A length is a position, not a count: with `starts` a row holds
    `length - start` keys. Lengths beyond the keys and starts beyond the length
    are legal (all keys, no key). `key_lengths` of attention says the same for
    rows without start, and moves the default offset as well, which this mask
    does not.

    Cost: a query visits the keys of its row's valid part and no others.

    ```mlir
    func.func @left_padding(%lengths: tensor<2xi64>, %starts: tensor<2xi64>,
        %keep: tensor<2x1x4x4xi1>) -> tensor<2x1x4x4xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<2x1x4x4xi1>) mask {
        %mask = effattn.length_mask %lengths : tensor<2xi64> starts(%starts : tensor<2xi64>)
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<2x1x4x4xi1>
    }
    ```
    Source: common practice for ragged batches; no paper.
  }];
  let arguments = (ins EffAttn_Shaped<"B", "int">:$lengths,
                       EffAttn_OptionalShaped<"B", "int">:$starts);
  let assemblyFormat = [{
    $lengths `:` type($lengths) (`starts` `(` $starts^ `:` type($starts) `)`)? attr-dict
  }];
}

def EffAttn_DocumentMaskOp : EffAttn_MaskOp<"document_mask"> {
  let summary = "keep keys of the query's own document";
  let description = [{
    `keep = [query_ids[b, i] == key_ids[b, s]]` for query row i and key s.

    | operand     | shape   | meaning                        |
    |-------------|---------|--------------------------------|
    | `query_ids` | `B x T` | document of each query row     |
    | `key_ids`   | `B x S` | document of each key           |

    Ids go by row and by the key's place in the key tensor, not by position:
    `offset` and `key_positions` do not move them. Ids need not be sorted, and
    any value is an id. Beside `causal_mask` this is the mask of packed
    sequences, where several documents share a row.

    Cost: two loads a visited key. The mask bounds no range, so queries visit
    what the masks beside it leave.

    ```mlir
    func.func @packed(%ids: tensor<2x?xi32>, %keep: tensor<2x1x?x?xi1>) -> tensor<2x1x?x?xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<2x1x?x?xi1>) mask {
        %document = effattn.document_mask %ids, %ids : tensor<2x?xi32>, tensor<2x?xi32>
        %causal = effattn.causal_mask
        %mask = effattn.mask_and %document, %causal
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<2x1x?x?xi1>
    }
    ```
    Source: sequence packing as in T5 (arXiv 1910.10683).
  }];
  let arguments = (ins EffAttn_Shaped<"B T", "int">:$query_ids,
                       EffAttn_Shaped<"B S", "int">:$key_ids);
  let assemblyFormat = [{
    $query_ids `,` $key_ids `:` type($query_ids) `,` type($key_ids) attr-dict
  }];
}

def EffAttn_DenseMaskOp : EffAttn_MaskOp<"dense_mask"> {
  let summary = "keep what a dense tensor of flags says";
  let description = [{
    `keep = flags[b, h, i, s]` for query row i and key s; a batch or head
    dimension of 1 stands for all batch rows or heads.

    | operand | shape                     | meaning              |
    |---------|---------------------------|----------------------|
    | `keep`  | `(B or 1) x (H or 1) x T x S` | i1, true: kept   |

    Flags go by row and by the key's place in the key tensor, not by position.
    The way in for masks that no other op describes; the tensor has T S flags,
    which is what the other masks exist to avoid.

    Cost: one load a visited key. The mask bounds no range, so queries visit
    what the masks beside it leave; keys that are not kept cost their flag and
    nothing more.

    ```mlir
    func.func @attend_where_told(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x9x8xf32>, %v: tensor<2x4x9x8xf32>,
        %flags: tensor<1x1x6x9xi1>, %out: tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32> {
      %0 = effattn.attention ins(%q, %k, %v : tensor<2x4x6x8xf32>, tensor<2x4x9x8xf32>, tensor<2x4x9x8xf32>)
        outs(%out : tensor<2x4x6x8xf32>) mask {
        %mask = effattn.dense_mask %flags : tensor<1x1x6x9xi1>
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<2x4x6x8xf32>
    }
    ```
    Source: masked attention (arXiv 1706.03762).
  }];
  let arguments = (ins EffAttn_Shaped<"B|1 H|1 T S", "bool">:$keep);
  let assemblyFormat = "$keep `:` type($keep) attr-dict";
}

def EffAttn_SeparatorMaskOp : EffAttn_MaskOp<"separator_mask",
    ["emitSupport", "emitCore", "hasColumns", "emitColumn"]> {
  let summary = "keep initial, separator and neighbouring keys, causally";
  let description = [{
    `keep = [k <= q] and ([start_b <= k < start_b + initial] or is_separator[b, s]
    or [k > q - window])`, and `[k >= start_b]` where `starts` is given; s is the
    key's place in the key tensor.

    | operand        | shape   | meaning                                      |
    |----------------|---------|----------------------------------------------|
    | `is_separator` | `B x S` | i1, see `effattn.separator_positions`        |
    | `starts`       | `B`     | first valid position of a row (left padding) |

    A separator (a comma, a full stop) stands for the segment before it, so
    later queries need it and not the segment. The window counts the query.
    With `starts` a query in the padding keeps nothing. Without separators this
    is the mask of StreamingLLM.

    Cost: initial and separator keys are columns, which attention gathers once
    a call; a query then visits `initial + window` keys and the separators
    before the window, whatever the number of keys.

    Constraints: C1: initial is not negative. C2: window is at least 1.

    ```mlir
    func.func @separator_attention(%q: tensor<1x8x?x64xf32>, %k: tensor<1x2x?x64xf32>,
        %v: tensor<1x2x?x64xf32>, %ids: tensor<1x?xi32>, %flags: tensor<1x?xi1>,
        %out: tensor<1x8x?x64xf32>) -> tensor<1x8x?x64xf32> {
      %separators = effattn.separator_positions ins(%ids : tensor<1x?xi32>)
        outs(%flags : tensor<1x?xi1>) {separators = array<i64: 11, 13, 30>}
      %0 = effattn.attention ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
        outs(%out : tensor<1x8x?x64xf32>) mask {
        %mask = effattn.separator_mask %separators : tensor<1x?xi1> {initial = 4, window = 64}
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x8x?x64xf32>
    }
    ```
    Source: SepLLM (arXiv 2412.12094).
  }];
  let arguments = (ins EffAttn_Shaped<"B S", "bool">:$is_separator,
                       EffAttn_OptionalShaped<"B", "int">:$starts,
                       I64Attr:$initial, I64Attr:$window);
  let assemblyFormat = [{
    $is_separator `:` type($is_separator)
    (`starts` `(` $starts^ `:` type($starts) `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

class EffAttn_MaskCombinationOp<string mnemonic, list<Trait> traits = []>
  : EffAttn_MaskOp<mnemonic,
      ["emitSupport", "emitCore", "hasColumns", "emitColumn"], traits> {
  let arguments = (ins Variadic<EffAttn_MaskType>:$parts);
  // A list that ends without a word would take in the next line's result.
  let assemblyFormat = "($parts^):(`nothing`)? attr-dict";
  let hasCanonicalizeMethod = 1;
}

def EffAttn_MaskAndOp : EffAttn_MaskCombinationOp<"mask_and"> {
  let summary = "keep what every part keeps";
  let description = [{
    `keep = part_1 and part_2 and ...`

    Any number of parts: of one part it is the part, and of none it keeps every
    key. `effattn-simplify-masks` writes that last form, `mask_and nothing`,
    where a mask turns out to keep all, and then drops the mask.

    Canonicalization merges nested conjunctions and repeated parts.

    Cost: every part is evaluated for each visited key. The ranges of the parts
    are intersected, and a query visits only what all of them leave; columns
    of any part are gathered.

    ```mlir
    func.func @separators_inside_documents(%flags: tensor<1x?xi1>, %ids: tensor<1x?xi32>,
        %keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
        %separators = effattn.separator_mask %flags : tensor<1x?xi1> {initial = 4, window = 8}
        %document = effattn.document_mask %ids, %ids : tensor<1x?xi32>, tensor<1x?xi32>
        %mask = effattn.mask_and %separators, %document
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x?x?xi1>
    }
    ```
    Source: mask algebra as in FlexAttention (arXiv 2412.05496).
  }];
}

def EffAttn_MaskOrOp : EffAttn_MaskCombinationOp<"mask_or"> {
  let summary = "keep what any part keeps";
  let description = [{
    `keep = part_1 or part_2 or ...`

    Any number of parts: of one part it is the part, and of none (`mask_or
    nothing`) it keeps no key, so that every query of attention gives 0 and an
    lse of -inf.

    Canonicalization merges nested disjunctions and repeated parts.

    Cost: every part is evaluated for each visited key. A query visits the
    smallest range that holds the ranges of all parts; parts that are columns
    (`initial_mask`, the separators of `separator_mask`) do not widen it, as
    they are gathered apart.

    ```mlir
    func.func @prefix_or_window(%prefix: tensor<2xi32>, %keep: tensor<2x1x8x8xi1>) -> tensor<2x1x8x8xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<2x1x8x8xi1>) mask {
        %causal = effattn.causal_mask
        %inside = effattn.length_mask %prefix : tensor<2xi32>
        %mask = effattn.mask_or %causal, %inside
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<2x1x8x8xi1>
    }
    ```
    Source: mask algebra as in FlexAttention (arXiv 2412.05496).
  }];
}

def EffAttn_MaskNotOp : EffAttn_MaskOp<"mask_not", ["emitSupport"]> {
  let summary = "keep what a mask does not keep";
  let description = [{
    `keep = not part`

    What attention excludes before it asks any mask stays excluded: keys past
    `key_lengths`, and keys whose position is -1.

    A mask_not of a mask_not folds to the mask inside.

    Cost: that of the part for each visited key. The ranges of negated causal
    and window masks, and of their combinations, are bounded; any other negated
    mask visits every key.

    ```mlir
    func.func @strictly_before(%keep: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
      %0 = effattn.materialize_mask outs(%keep : tensor<1x1x4x4xi1>) mask {
        %present = effattn.window_mask {size = 1}
        %mask = effattn.mask_not %present
        effattn.yield %mask : !effattn.mask
      }
      return %0 : tensor<1x1x4x4xi1>
    }
    ```
    Source: mask algebra as in FlexAttention (arXiv 2412.05496).
  }];
  let arguments = (ins EffAttn_MaskType:$part);
  let assemblyFormat = "$part attr-dict";
  let hasFolder = 1;
}

#endif // EFFATTN_MASK_OPS
