//===- CacheOps.td - Keys and values that stay ---------------------------===//
#ifndef EFFATTN_CACHE_OPS
#define EFFATTN_CACHE_OPS

include "effattn/Dialect/EffAttnBase.td"
include "effattn/Dialect/RotaryLayout.td"

/// An op on a cache: keys `B x G x L x D` and values `B x G x L x E` of any
/// float types, and how many of the L entries of each row are in use.
class EffAttn_CacheOp<string mnemonic, list<Trait> traits = [],
                      string initCount = "1", string readsInitBody = "true">
  : EffAttn_ComputeOp<mnemonic, traits, initCount, readsInitBody> {
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

def EffAttn_KvCacheAppendOp : EffAttn_CacheOp<"kv_cache_append", [], "3"> {
  let touched = "keys=k;values=v;";
  let summary = "put new keys and values behind those of each row";
  let description = [{
    Token t of row b becomes entry j = length[b] + t, and the row's length grows
    by its new tokens.

    `keys[b, g, j] = k[b, g, t]`, `values[b, g, j] = v[b, g, t]`

    | operand   | shape           | meaning                                   |
    |-----------|-----------------|-------------------------------------------|
    | `k`       | `B x G x T x D` | new keys                                  |
    | `v`       | `B x G x T x E` | new values                                |
    | `lengths` | `B`             | new tokens of each row; T without it      |
    | `keys`    | `B x G x L x D` | state, updated in place                   |
    | `values`  | `B x G x L x E` | state, updated in place                   |
    | `length`  | `B`             | state: tokens of each row so far          |

    With `ring` entry j lives at j mod L and takes the place of entry j - L, and
    `length` counts all tokens seen. Some of more than L new tokens would be
    gone before anything could attend to them: attend first, over the cache and
    the new keys with `key_positions`, then append.

    Entries past a row's length are unspecified and never read; an empty cache
    is all zeros. Tokens past `lengths[b]` are not taken. T = 0, D = 0 and E = 0
    are legal. New entries are converted to the types of the cache, so that a
    cache in bf16 takes keys in f32. Running T tokens at once equals running
    them in any split.

    C1: with `ring`, T is at most L. C2 (at run time): length[b] is not
    negative, and without `ring` at most L. C3 (at run time): without `ring`
    length[b] and the new tokens are at most L together. C4 (at run time): with
    `ring` the sum fits the integer type of `length`. All rows are checked
    before the first is written.

    Cost: the new entries are copied, D + E numbers a token and key head; the
    cache is not touched elsewhere. No temporaries.

    ```mlir
    func.func @decode(%k: tensor<?x8x1x64xf32>, %v: tensor<?x8x1x64xf32>, %keys: tensor<?x8x4096x64xbf16>,
        %values: tensor<?x8x4096x64xbf16>, %length: tensor<?xi32>)
        -> (tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>) {
      %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>)
        outs(%keys, %values, %length : tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>)
        {ring = true}
      return %0#0, %0#1, %0#2 : tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>
    }
    ```
    Source: Mistral 7B (arXiv 2310.06825), the rolling buffer, for `ring`.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B G T D", "float">:$k,
    EffAttn_Shaped<"B G T E", "float">:$v,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B G L D", "float">:$keys,
    EffAttn_Shaped<"B G L E", "float">:$values,
    EffAttn_Shaped<"B", "int">:$length,
    DefaultValuedAttr<BoolAttr, "false">:$ring);
  let assemblyFormat = [{
    `ins` `(` $k `,` $v `:` type($k) `,` type($v) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $keys `,` $values `,` $length `:` type($keys) `,` type($values) `,` type($length) `)` attr-dict
  }];
}

//===----------------------------------------------------------------------===//
// The separator cache
//===----------------------------------------------------------------------===//

def EffAttn_CompactionTime : I32EnumAttr<"CompactionTime", "when a full row is compacted", [
    I32EnumAttrCase<"AfterAttention", 0, "after_attention">,
    I32EnumAttrCase<"BeforeAttention", 1, "before_attention">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_CompactionTimeAttr : EnumAttr<EffAttn_Dialect, EffAttn_CompactionTime, "when"> {
  let assemblyFormat = "`<` $value `>`";
}

defvar EffAttn_SeparatorState = (ins
  EffAttn_Shaped<"B G L D", "F">:$keys,
  EffAttn_Shaped<"B G L E", "float">:$values,
  EffAttn_Shaped<"B L", "bool">:$state_flags,
  EffAttn_Shaped<"B", "int">:$length,
  EffAttn_Shaped<"B", "int">:$separator_end);

defvar EffAttn_SeparatorAttributes = (ins
  I64Attr:$initial, I64Attr:$separators, I64Attr:$window, I64Attr:$capacity,
  EffAttn_CompactionTimeAttr:$when);

def EffAttn_SeparatorCacheAppendOp : EffAttn_CacheOp<"separator_cache_append",
    [], "5"> {
  let touched = "keys=k;values=v;state_flags=flags;";
  let summary = "put new entries behind those of a separator cache";
  let description = [{
    Token t of row b becomes entry j = length[b] + t with its separator flag,
    and the row's length grows by its new tokens. Nothing is compacted.

    `keys[b, g, j] = k[b, g, t]`, `values[b, g, j] = v[b, g, t]`,
    `state_flags[b, j] = flags[b, t]`

    | operand         | shape           | meaning                             |
    |-----------------|-----------------|-------------------------------------|
    | `k`             | `B x G x T x D` | new keys                            |
    | `v`             | `B x G x T x E` | new values                          |
    | `flags`         | `B x T`         | i1: the new token is a separator    |
    | `lengths`       | `B`             | new tokens of each row; T without it |
    | `keys`          | `B x G x L x D` | state, updated in place             |
    | `values`        | `B x G x L x E` | state, updated in place             |
    | `state_flags`   | `B x L`         | state: the entry is a separator, i1 |
    | `length`        | `B`             | state: entries of each row          |
    | `separator_end` | `B`             | state: where the kept separators end; stays |

    The attributes are those of the cache, the same on all its ops. A row is
    `[ initial | separators | past window | window ]`: the first `initial`
    entries always stay, then come at most `separators` kept separators up to
    `separator_end`, then every token since the last compaction. A row of more
    than `capacity` entries is compacted (`when = after_attention`), or one of
    `capacity` entries already (`before_attention`).

    Entries past a row's length are unspecified and never read; an empty cache
    is all zeros. Tokens past `lengths[b]` are not taken. T = 0, D = 0 and E = 0
    are legal. New entries are converted to the types of the cache.

    C1: `initial`, `separators` and `window` are not negative. C2: their sum is
    at most `capacity`. C3: L is at least capacity + 1. C4 (at run time):
    length[b] is in [0, L]. C5 (at run time): separator_end[b] is 0, which reads
    as `initial`, or in [initial, initial + separators]. C6 (at run time):
    length[b] and the new tokens are at most L together. All rows are checked
    before the first is written.

    Cost: the new entries are copied, D + E numbers a token and key head; the
    cache is not touched elsewhere. No temporaries.

    ```mlir
    func.func @prompt(%k: tensor<1x8x?x64xf32>, %v: tensor<1x8x?x64xf32>, %flags: tensor<1x?xi1>,
        %keys: tensor<1x8x1024x64xf32>, %values: tensor<1x8x1024x64xf32>, %kept: tensor<1x1024xi1>,
        %length: tensor<1xi32>, %end: tensor<1xi32>) -> (tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>,
        tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>) {
      %0:5 = effattn.separator_cache_append
        ins(%k, %v, %flags : tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>, tensor<1x?xi1>)
        outs(%keys, %values, %kept, %length, %end : tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>,
          tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>)
        {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
      return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>,
        tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>
    }
    ```
    Source: SepLLM (arXiv 2412.12094).
  }];
  let arguments = !con((ins
    EffAttn_Shaped<"B G T D", "float">:$k,
    EffAttn_Shaped<"B G T E", "float">:$v,
    EffAttn_Shaped<"B T", "bool">:$flags,
    EffAttn_OptionalShaped<"B", "int">:$lengths),
    EffAttn_SeparatorState, EffAttn_SeparatorAttributes);
  let assemblyFormat = [{
    `ins` `(` $k `,` $v `,` $flags `:` type($k) `,` type($v) `,` type($flags) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $keys `,` $values `,` $state_flags `,` $length `,` $separator_end `:`
      type($keys) `,` type($values) `,` type($state_flags) `,` type($length) `,` type($separator_end) `)` attr-dict
  }];
}

def EffAttn_SeparatorCacheCompactOp : EffAttn_CacheOp<"separator_cache_compact",
    [], "5"> {
  let summary = "forget what a full separator cache need not keep";
  let description = [{
    For each row that is due, with n = `length` and E = `separator_end`:

    `old = entries[initial : E]`, `left = entries[E : n - window]`,
    `kept = ` the newest `separators` of (`old` and then the separators of `left`),
    `entries = entries[0 : initial], kept, entries[n - window : n]`,
    `separator_end = initial + |kept|`.

    | operand         | shape           | meaning                             |
    |-----------------|-----------------|-------------------------------------|
    | `keys`          | `B x G x L x D` | state, updated in place             |
    | `values`        | `B x G x L x E` | state, updated in place             |
    | `state_flags`   | `B x L`         | state: the entry is a separator, i1 |
    | `length`        | `B`             | state: entries of each row          |
    | `separator_end` | `B`             | state: where the kept separators end; 0 reads as `initial` |

    A row is due when n > `capacity` (`when = after_attention`) or
    n >= `capacity` (`before_attention`); others stay as they are. Rows are
    independent. Order and flags are kept; what `old` holds stays a separator
    whatever its flag. With `separators = 0` and capacity = initial + window this
    is the cache of StreamingLLM; `initial + separators + window = capacity`
    compacts at every token. Compacting twice changes nothing more.

    C1: `initial`, `separators` and `window` are not negative. C2: their sum is
    at most `capacity`. C3: L is at least capacity + 1. C4 (at run time):
    length[b] is in [0, L]. C5 (at run time): separator_end[b] is 0 or in
    [initial, initial + separators].

    Cost: a row that is not due costs a comparison; one that is, a look at its
    flags and the copy of what moves, at most separators + window entries of
    D + E numbers a key head. No temporaries.

    ```mlir
    func.func @compact(%keys: tensor<?x8x325x64xbf16>, %values: tensor<?x8x325x64xbf16>, %kept: tensor<?x325xi1>,
        %length: tensor<?xi32>, %end: tensor<?xi32>) -> (tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>,
        tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>) {
      %0:5 = effattn.separator_cache_compact
        outs(%keys, %values, %kept, %length, %end : tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>,
          tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>)
        {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
      return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>,
        tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>
    }
    ```
    Source: SepLLM (arXiv 2412.12094); StreamingLLM (arXiv 2309.17453) for
    `separators = 0`.
  }];
  let arguments = !con(EffAttn_SeparatorState, EffAttn_SeparatorAttributes);
  let assemblyFormat = [{
    `outs` `(` $keys `,` $values `,` $state_flags `,` $length `,` $separator_end `:`
      type($keys) `,` type($values) `,` type($state_flags) `,` type($length) `,` type($separator_end) `)` attr-dict
  }];
}

def EffAttn_CachePositions : I32EnumAttr<"CachePositions", "which positions keys have in a cache", [
    I32EnumAttrCase<"Slot", 0, "slot">,
    I32EnumAttrCase<"Absolute", 1, "absolute">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_CachePositionsAttr : EnumAttr<EffAttn_Dialect, EffAttn_CachePositions, "positions"> {
  let assemblyFormat = "`<` $value `>`";
}

defvar EffAttn_CacheAttentionAttributes = (ins
  OptionalAttr<EffAttn_Real>:$scale,
  DefaultValuedAttr<EffAttn_CachePositionsAttr, "CachePositions::Slot">:$positions,
  DefaultValuedAttr<EffAttn_Real, "10000.0">:$rope_base,
  OptionalAttr<I64Attr>:$rope_dims,
  DefaultValuedAttr<EffAttn_RopeLayoutAttr, "RopeLayout::Half">:$rope_layout);

/// Of an op with q and the attributes above.
defvar EffAttn_CacheAttentionDeclaration = [{
  ::mlir::effattn::RotatedColumns getRotatedColumns() {
    return {"rope_dims", getRopeDims(), "q", getQ()};
  }
}];

def EffAttn_CacheAttentionOp : EffAttn_CacheOp<"cache_attention", [], "1", "false"> {
  let flops = "2 B H T L D + 2 B H T L E";
  let summary = "attend from the last entries of a separator cache";
  let description = [{
    The queries are the last entries. Query t of row b sits at slot
    `p = length[b] - lengths[b] + t` and sees the slots up to its own:

    `out[b, h, t] = sum_(i <= p) softmax_i(scale <R_p q[b, h, t], R_i keys[b, g, i]>) values[b, g, i]`,
    `g = floor(h G / H)`.

    | operand         | shape           | meaning                             |
    |-----------------|-----------------|-------------------------------------|
    | `q`             | `B x H x T x D` | f32, bf16 or f16                    |
    | `keys`          | `B x G x L x D` | the state of a separator cache      |
    | `values`        | `B x G x L x E` | the state of a separator cache      |
    | `state_flags`   | `B x L`         | i1, belongs to the state; not read  |
    | `length`        | `B`             | entries of each row                 |
    | `separator_end` | `B`             | belongs to the state; not read      |
    | `lengths`       | `B`             | queries of each row; T without it   |
    | `out`           | `B x H x T x E` | written, in the type of `q`         |

    `positions = slot`: keys are stored unrotated, and R_i rotates by the slot i
    as `rotary_embedding` does, with base `rope_base`, the first `rope_dims`
    columns (all where not given) and pairs by `rope_layout`. So no position
    exceeds the capacity however long the stream is. `absolute`: keys and queries
    are rotated already, and R_i is the identity. `scale` is D^-0.5 where not
    given.

    Queries from `lengths[b]` on give 0, and so does a query at a negative slot,
    which sees nothing. Entries past a query's slot reach it in no way, NaN
    included. A query whose scores are all -inf gives 0.

    C1: the key heads G divide the query heads H (H = 0 aside). C2: with
    `positions = slot`, `rope_base` is positive and finite. C3: and `rope_dims`
    is even and at most D. C4 (at run time): length[b] is in [0, L].

    Cost: D + E multiply-adds and one exponential a query head and visible slot,
    in f32; one rotation a key, whatever T is. Scratch memory: cosines and sines
    of the slots in use, once; for each key head in work its rotated keys, and
    its keys and values in f32 where the cache is narrower.

    ```mlir
    func.func @decode(%q: tensor<?x32x1x64xf32>, %keys: tensor<?x8x325x64xf32>, %values: tensor<?x8x325x64xf32>,
        %flags: tensor<?x325xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x32x1x64xf32>)
        -> tensor<?x32x1x64xf32> {
      %0 = effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end : tensor<?x32x1x64xf32>,
          tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>)
        outs(%out : tensor<?x32x1x64xf32>) {rope_layout = #effattn.rope_layout<interleaved>}
      return %0 : tensor<?x32x1x64xf32>
    }
    ```
    Source: SepLLM (arXiv 2412.12094); StreamingLLM (arXiv 2309.17453) for
    positions in the cache.
  }];
  let arguments = !con((ins
    EffAttn_Shaped<"B H T D", "F">:$q,
    EffAttn_Shaped<"B G L D", "float">:$keys,
    EffAttn_Shaped<"B G L E", "float">:$values,
    EffAttn_Shaped<"B L", "bool">:$state_flags,
    EffAttn_Shaped<"B", "int">:$length,
    EffAttn_Shaped<"B", "int">:$separator_end,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B H T E", "F">:$out),
    EffAttn_CacheAttentionAttributes);
  let assemblyFormat = [{
    `ins` `(` $q `,` $keys `,` $values `,` $state_flags `,` $length `,` $separator_end `:`
      type($q) `,` type($keys) `,` type($values) `,` type($state_flags) `,` type($length) `,`
      type($separator_end) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let moreDeclaration = EffAttn_CacheAttentionDeclaration;
}

def EffAttn_Prefill : I32EnumAttr<"Prefill", "how an empty separator cache takes its first tokens", [
    I32EnumAttrCase<"Stepwise", 0, "stepwise">,
    I32EnumAttrCase<"Whole", 1, "whole">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_PrefillAttr : EnumAttr<EffAttn_Dialect, EffAttn_Prefill, "prefill"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_SeparatorCacheUpdateOp : EffAttn_CacheOp<"separator_cache_update",
    [AttrSizedOperandSegments], "5u + (adaptor.getOut() ? 1u : 0u)", "init < 5"> {
  let flops = "2 q L + 2 out L";
  let summary = "append to a separator cache, attend and compact, token by token";
  let description = [{
    For every token in turn what `separator_cache_append`, `cache_attention` and
    `separator_cache_compact` do, in one op whose cost follows the tokens:

    | `when`             | token t                                          |
    |--------------------|--------------------------------------------------|
    | `after_attention`  | append, `out_t` from all entries (up to capacity + 1), compact if due |
    | `before_attention` | append, compact if due, `out_t` from what is left |

    | operand         | shape           | meaning                             |
    |-----------------|-----------------|-------------------------------------|
    | `k`             | `B x G x T x D` | new keys                            |
    | `v`             | `B x G x T x E` | new values                          |
    | `flags`         | `B x T`         | i1: the new token is a separator    |
    | `q`             | `B x H x T x D` | queries; without them only the state |
    | `lengths`       | `B`             | new tokens of each row; T without it |
    | `keys`          | `B x G x L x D` | state, updated in place             |
    | `values`        | `B x G x L x E` | state, updated in place             |
    | `state_flags`   | `B x L`         | state: the entry is a separator, i1 |
    | `length`        | `B`             | state: entries of each row          |
    | `separator_end` | `B`             | state: where the kept separators end |
    | `out`           | `B x H x T x E` | written, in the type of `keys`      |

    `initial`, `separators`, `window` and `capacity` are those of
    `separator_cache_append`; `scale`, `positions`, `rope_base`, `rope_dims` and
    `rope_layout` those of `cache_attention`, and mean nothing without `q`. A
    query sits at the last entry. With `positions = slot` no position exceeds
    the capacity, so that a stream of millions of tokens runs in constant memory
    at constant cost.

    `prefill = whole`: a row whose length is 0 at entry takes its tokens
    uncompacted, with ordinary causal attention, and is first compacted at its
    next append; L must hold them all. Other rows run as with `stepwise`.

    Running T tokens at once equals running them in any split, `prefill = whole`
    aside. Tokens past `lengths[b]` give 0 and change nothing. With a window of 0
    and `before_attention` a token may be gone before it attends; where nothing
    is left, `out_t` is 0. T = 0, D = 0 and E = 0 are legal.

    C1: `initial`, `separators` and `window` are not negative. C2: their sum is
    at most `capacity`. C3: L is at least capacity + 1. C4 (at run time):
    length[b] is in [0, L]. C5 (at run time): separator_end[b] is 0 or in
    [initial, initial + separators]. C6 (at run time): length[b] and its first
    token, or all of those that `whole` takes, are at most L together. C7: `out`
    is given exactly where `q` is. C8: the key heads G divide the query heads H
    (H = 0 aside). C9: with `q` and `positions = slot`, `rope_base` is positive
    and finite. C10: and `rope_dims` is even and at most D. All rows are checked
    before the first is written.

    Cost: an append is a copy of D + E numbers a key head; a compaction moves at
    most separators + window entries, once in capacity + 1 - (initial +
    separators + window) tokens; attention is D + E multiply-adds and one
    exponential a query head and visible slot. A key is rotated when it comes
    and when a compaction moves it, not for every query. Scratch memory: L flags
    for each key head in work, and that of `cache_attention`.

    ```mlir
    func.func @stream(%k: tensor<?x8x?x64xf32>, %v: tensor<?x8x?x64xf32>, %flags: tensor<?x?xi1>,
        %q: tensor<?x32x?x64xf32>, %keys: tensor<?x8x325x64xf32>, %values: tensor<?x8x325x64xf32>,
        %kept: tensor<?x325xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x32x?x64xf32>)
        -> (tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>,
        tensor<?x32x?x64xf32>) {
      %0:6 = effattn.separator_cache_update
        ins(%k, %v, %flags : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x?xi1>)
        q(%q : tensor<?x32x?x64xf32>)
        outs(%keys, %values, %kept, %length, %end, %out : tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>,
          tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x32x?x64xf32>)
        {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
      return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5 : tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>,
        tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x32x?x64xf32>
    }
    ```
    Source: SepLLM (arXiv 2412.12094), its stream of 4 million tokens;
    StreamingLLM (arXiv 2309.17453) for positions in the cache.
  }];
  let arguments = !con((ins
    EffAttn_Shaped<"B G T D", "float">:$k,
    EffAttn_Shaped<"B G T E", "float">:$v,
    EffAttn_Shaped<"B T", "bool">:$flags,
    EffAttn_OptionalShaped<"B H T D", "float">:$q,
    EffAttn_OptionalShaped<"B", "int">:$lengths),
    EffAttn_SeparatorState,
    (ins EffAttn_OptionalShaped<"B H T E", "F">:$out),
    EffAttn_SeparatorAttributes,
    (ins DefaultValuedAttr<EffAttn_PrefillAttr, "Prefill::Stepwise">:$prefill),
    EffAttn_CacheAttentionAttributes);
  let assemblyFormat = [{
    `ins` `(` $k `,` $v `,` $flags `:` type($k) `,` type($v) `,` type($flags) `)`
    (`q` `(` $q^ `:` type($q) `)`)?
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $keys `,` $values `,` $state_flags `,` $length `,` $separator_end (`,` $out^)? `:`
      type($keys) `,` type($values) `,` type($state_flags) `,` type($length) `,` type($separator_end)
      (`,` type($out)^)? `)` attr-dict
  }];
  let moreDeclaration = EffAttn_CacheAttentionDeclaration;
}

#endif // EFFATTN_CACHE_OPS
