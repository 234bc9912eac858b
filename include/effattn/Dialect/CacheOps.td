//===- CacheOps.td - Keys and values that stay ---------------------------===//
#ifndef EFFATTN_CACHE_OPS
#define EFFATTN_CACHE_OPS

include "effattn/Dialect/EffAttnBase.td"

/// An op on a cache: keys `B x G x L x D` and values `B x G x L x E` of any
/// float types, and how many of the L entries of each row are in use.
class EffAttn_CacheOp<string mnemonic, list<Trait> traits = [],
                      string initCount = "1", string readsInitBody = "true">
  : EffAttn_ComputeOp<mnemonic, traits, initCount, readsInitBody> {
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

def EffAttn_KvCacheAppendOp : EffAttn_CacheOp<"kv_cache_append", [], "3"> {
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

#endif // EFFATTN_CACHE_OPS
