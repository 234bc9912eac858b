//===- MemoryOps.td - Sparse addresses and constant-size memory -----------===//
#ifndef EFFATTN_MEMORY_OPS
#define EFFATTN_MEMORY_OPS

include "effattn/Dialect/EffAttnBase.td"

def EffAttn_ShiftMode : I32EnumAttr<"ShiftMode", "how a position moves a slot", [
    I32EnumAttrCase<"Flat", 0, "flat">, I32EnumAttrCase<"Digits", 1, "digits">,
    I32EnumAttrCase<"Radix", 2, "radix">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_ShiftModeAttr : EnumAttr<EffAttn_Dialect, EffAttn_ShiftMode, "shift"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_Metric : I32EnumAttr<"Metric", "by what the nearest code is nearest", [
    I32EnumAttrCase<"L2", 0, "l2">, I32EnumAttrCase<"Cosine", 1, "cosine">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_MetricAttr : EnumAttr<EffAttn_Dialect, EffAttn_Metric, "metric"> {
  let assemblyFormat = "`<` $value `>`";
}

class EffAttn_MemoryOp<string mnemonic, list<Trait> traits = [],
                       string initCount = "1", string readsInitBody = "false">
  : EffAttn_ComputeOp<mnemonic, traits, initCount, readsInitBody> {
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

def EffAttn_ProductSoftmaxOp : EffAttn_MemoryOp<"product_softmax"> {
  let summary = "spread digit logits to probabilities of all slots";
  let description = [{
    Every digit has a softmax of its own; a slot names one value of every digit
    and its value is the product of their probabilities.

    `out[m] = prod_u softmax(x[u, :] / temperature)[d_u]`,
    `m = sum_u d_u P^(U-1-u)`: digit 0 is the most significant.

    | operand | shape       | meaning                                  |
    |---------|-------------|------------------------------------------|
    | `x`     | `... U P`   | logits: U digits of P values              |
    | `out`   | `... M`     | probabilities of the slots, f32, sum 1    |

    The products are taken from digit 0 on, in f32, whatever the type of `x`;
    the maximum is subtracted before the exponential, so logits of any size
    are safe. Without digits (U = 0) there is one slot, of value 1; digits
    without values (P = 0) have no slots. A NaN makes its whole row NaN, and
    so does a digit whose logits are all -inf or that holds +inf.

    C1: `temperature` is positive and finite. C2: there are at most 2^31 - 1
    slots, so that a slot is an i32. C3: M = P^U.

    Cost: M multiplications and U P exponentials a row, U P numbers of scratch.
    `product_softmax_top_k` finds the best slots without the M.

    ```mlir
    func.func @sixteen_slots(%x: tensor<?x2x4xf32>, %out: tensor<?x16xf32>) -> tensor<?x16xf32> {
      %slots = effattn.product_softmax ins(%x : tensor<?x2x4xf32>)
        outs(%out : tensor<?x16xf32>) {temperature = 0.5}
      return %slots : tensor<?x16xf32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), product softmax.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... U P", "float">:$x,
    EffAttn_Shaped<"... M", "f32">:$out,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$temperature);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_TopKOp : EffAttn_MemoryOp<"top_k", [], "2"> {
  let summary = "keep the largest values and their indices";
  let description = [{
    `values[0] >= values[1] >= ... >= values[k-1]`, `values[i] = x[indices[i]]`

    | operand   | shape   | meaning                                    |
    |-----------|---------|--------------------------------------------|
    | `x`       | `... M` | what to choose from                          |
    | `values`  | `... K` | the K largest, descending, in the type of `x` |
    | `indices` | `... K` | where they stood, i32                        |

    Equal values keep the order of their indices; 0 and -0 are equal. NaN comes
    before every number, so that it shows, and NaNs keep their order too.
    `k = 0` keeps nothing and `k = M` sorts.

    C1: `k` is not negative. C2: K = k. C3: k is at most M. C4: M is at most
    2^31 - 1, so that an index is an i32.

    Cost: one comparison for each of the M values of a row, `log K` more for
    each that enters the best so far, `K log K` to put them in order; 8 K bytes
    of scratch.

    ```mlir
    func.func @best_two(%x: tensor<?x?xbf16>, %v: tensor<?x2xbf16>, %i: tensor<?x2xi32>)
        -> (tensor<?x2xbf16>, tensor<?x2xi32>) {
      %values, %indices = effattn.top_k ins(%x : tensor<?x?xbf16>)
        outs(%v, %i : tensor<?x2xbf16>, tensor<?x2xi32>) {k = 2}
      return %values, %indices : tensor<?x2xbf16>, tensor<?x2xi32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), sparse addresses.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... M", "F">:$x,
    EffAttn_Shaped<"... K", "F">:$values,
    EffAttn_Shaped<"... K", "i32">:$indices,
    I64Attr:$k);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)`
    `outs` `(` $values `,` $indices `:` type($values) `,` type($indices) `)` attr-dict
  }];
}

def EffAttn_ProductSoftmaxTopKOp : EffAttn_MemoryOp<"product_softmax_top_k", [], "2"> {
  let summary = "keep the most probable slots of a product softmax without computing all";
  let description = [{
    `values, indices = top_k(product_softmax(x))` without the P^U slots: the K
    best prefixes of the first u digits hold the prefixes of the K best slots,
    because one more factor never changes the order of two prefixes.

    | operand   | shape     | meaning                                    |
    |-----------|-----------|--------------------------------------------|
    | `x`       | `... U P` | logits: U digits of P values                |
    | `values`  | `... K`   | the K largest slot values, descending, f32  |
    | `indices` | `... K`   | their slots, i32, digit 0 most significant  |

    Values are bit for bit those of `product_softmax`. Ties go to the lowest
    slot; two values that only rounding makes equal may stand in either order.
    With `normalize` the values are divided by their sum. A row with a NaN
    gives NaN in slots 0 to K - 1, as `top_k` of its slots would.

    C1: `temperature` is positive and finite. C2: `k` is not negative.
    C3: K = k. C4: there are at most 2^31 - 1 slots. C5: k is at most P^U.

    Cost: U K P products a row, `log K` more for each that enters the best so
    far; U P + 4 K numbers of scratch.

    ```mlir
    func.func @best_of_a_million(%x: tensor<?x?x5x16xf32>, %v: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>)
        -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
      %values, %slots = effattn.product_softmax_top_k ins(%x : tensor<?x?x5x16xf32>)
        outs(%v, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {k = 8, normalize = true}
      return %values, %slots : tensor<?x?x8xf32>, tensor<?x?x8xi32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), product softmax and its top-k.
  }];
  let arguments = (ins
    EffAttn_Shaped<"... U P", "float">:$x,
    EffAttn_Shaped<"... K", "f32">:$values,
    EffAttn_Shaped<"... K", "i32">:$indices,
    I64Attr:$k,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$temperature,
    DefaultValuedAttr<BoolAttr, "false">:$normalize);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)`
    `outs` `(` $values `,` $indices `:` type($values) `,` type($indices) `)` attr-dict
  }];
}

def EffAttn_CyclicShiftOp : EffAttn_MemoryOp<"cyclic_shift"> {
  let summary = "move slots by position";
  let description = [{
    Cyclic address position encoding (CAPE): the token at position t finds a
    slot turned by t, so that equal content at two positions has two addresses.
    With `M = base^digits` and `d_u` the digits of a slot, digit 0 first:

    | `mode`   | the slot becomes                                            |
    |----------|-------------------------------------------------------------|
    | `flat`   | `(i + t) mod M`                                              |
    | `digits` | every `d_u` becomes `(d_u + (t / periods_u) steps_u) mod base` |
    | `radix`  | every `d_u` becomes `(d_u + digit u of t) mod base`, no carries |

    | operand     | shape   | meaning                                    |
    |-------------|---------|--------------------------------------------|
    | `indices`   | `B T K` | slots, i32, read modulo M                   |
    | `positions` | `B T`   | t, any integer                              |
    | `out`       | `B T K` | the turned slots, i32                       |

    Division and remainder floor, so that negative positions turn the other
    way. `periods` and `steps` are 1 where not given and have effect in mode
    `digits` only. No sum or product overflows, whatever the position.

    C1: `digits` is at least 1. C2: `base` is at least 1. C3: base^digits is
    at most 2^31 - 1. C4: `periods` holds one integer a digit, each at least 1.
    C5: `steps` holds one integer a digit.

    Cost: a few integer operations a slot, times `digits` in the modes by digit.

    ```mlir
    func.func @slow_and_fast_digits(%slots: tensor<?x?x?xi32>, %positions: tensor<?x?xi64>,
        %out: tensor<?x?x?xi32>) -> tensor<?x?x?xi32> {
      %turned = effattn.cyclic_shift ins(%slots, %positions : tensor<?x?x?xi32>, tensor<?x?xi64>)
        outs(%out : tensor<?x?x?xi32>)
        {mode = #effattn.shift<digits>, digits = 2, base = 64, periods = array<i64: 64, 1>}
      return %turned : tensor<?x?x?xi32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), cyclic address position encoding.
  }];
  // Every slot and position is legal.
  let hasPreconditions = 0;
  let hasCanonicalizeMethod = 1;
  let arguments = (ins
    EffAttn_Shaped<"B T K", "i32">:$indices,
    EffAttn_Shaped<"B T", "int">:$positions,
    EffAttn_Shaped<"B T K", "i32">:$out,
    DefaultValuedAttr<EffAttn_ShiftModeAttr, "ShiftMode::Flat">:$mode,
    I64Attr:$digits,
    I64Attr:$base,
    OptionalAttr<DenseI64ArrayAttr>:$periods,
    OptionalAttr<DenseI64ArrayAttr>:$steps);
  let assemblyFormat = [{
    `ins` `(` $indices `,` $positions `:` type($indices) `,` type($positions) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_AddressDecodeOp : EffAttn_MemoryOp<"address_decode", [], "2"> {
  let summary = "turn logits into the weights and slots of a sparse address";
  let description = [{
    What `product_softmax_top_k` and, with `positions`, `cyclic_shift` give,
    on logits that stand flat: `x` read as `B x T x U x P`, U = `digits`.

    | operand     | shape   | meaning                                    |
    |-------------|---------|--------------------------------------------|
    | `x`         | `B T U*P` | logits, digit 0 first                      |
    | `positions` | `B T`   | turn the slots; without them none turns     |
    | `weights`   | `B T K` | values of the K best slots, descending, f32 |
    | `indices`   | `B T K` | these slots, turned, i32                    |

    `temperature` and `normalize` are those of `product_softmax_top_k`; `mode`,
    `periods` and `steps` those of `cyclic_shift`. Everything said there about
    ties, NaN and empty sizes holds here. `k = 0` gives empty addresses.

    C1: `temperature` is positive and finite. C2: `k` is not negative.
    C3: K = k. C4: `digits` is at least 1. C5: `digits` divides the width of
    `x`. C6: there are at most 2^31 - 1 slots. C7: k is at most P^U.
    C8: `periods` holds one integer a digit, each at least 1. C9: `steps` holds
    one integer a digit. C10: with `positions`, a digit has a value (P >= 1).

    Cost: as `product_softmax_top_k`, and the shift of K slots a token.

    ```mlir
    func.func @write_address(%x: tensor<?x?x48xf32>, %positions: tensor<?x?xi32>,
        %w: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
      %weights, %slots = effattn.address_decode ins(%x : tensor<?x?x48xf32>)
        positions(%positions : tensor<?x?xi32>)
        outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {digits = 3, k = 8}
      return %weights, %slots : tensor<?x?x8xf32>, tensor<?x?x8xi32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), address decoder.
  }];
  let hasCanonicalizeMethod = 1;
  let arguments = (ins
    EffAttn_Shaped<"B T _", "float">:$x,
    EffAttn_OptionalShaped<"B T", "int">:$positions,
    EffAttn_Shaped<"B T K", "f32">:$weights,
    EffAttn_Shaped<"B T K", "i32">:$indices,
    I64Attr:$digits,
    I64Attr:$k,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$temperature,
    DefaultValuedAttr<BoolAttr, "false">:$normalize,
    DefaultValuedAttr<EffAttn_ShiftModeAttr, "ShiftMode::Flat">:$mode,
    OptionalAttr<DenseI64ArrayAttr>:$periods,
    OptionalAttr<DenseI64ArrayAttr>:$steps);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` (`positions` `(` $positions^ `:` type($positions) `)`)?
    `outs` `(` $weights `,` $indices `:` type($weights) `,` type($indices) `)` attr-dict
  }];
}

def EffAttn_AddressMemoryOp : EffAttn_MemoryOp<"address_memory", [], "3",
    "init != 0"> {
  let flops = "3 B T K E + 2 B T Kr E";
  let touched = "memory=B T K E + B T Kr E;mass=B T K + B T Kr;";
  let summary = "write to and read from a memory of slots at sparse addresses";
  let description = [{
    Power decay moving average (PDMA) over the slots that a token names. In the
    order of t, for each slot i that token t writes with weight w, and then for
    what it reads with weights r:

    `S_i = (1 - w)^gamma S_i + w v_t`, `z_i = (1 - w)^gamma z_i + w`,
    `out_t = sum_i r_i S_i / (z_i + epsilon)`

    | operand         | shape    | meaning                                    |
    |-----------------|----------|--------------------------------------------|
    | `write_weights` | `B T K`  | w, f32, in [0, 1]                           |
    | `write_indices` | `B T K`  | slots written, i32                          |
    | `values`        | `B T E`  | v                                           |
    | `read_weights`  | `B T Kr` | r, f32                                      |
    | `read_indices`  | `B T Kr` | slots read, i32                             |
    | `lengths`       | `B`      | valid tokens of each row; T without it      |
    | `out`           | `B T E`  | what was read, in the type of `values`      |
    | `memory`        | `B M E`  | S, state: read and updated in place, f32    |
    | `mass`          | `B M`    | z, state: read and updated in place, f32    |

    A token reads after it has written. `0^0` is 1: `gamma = 0` never decays.
    Tokens past a row's length give 0, change nothing, and their addresses are
    not looked at. Running T tokens at once equals running them in any split.
    A slot that was never written gives 0. Heads are folded into B. `w` is not
    checked: outside of [0, 1] the equation holds as it stands, and a negative
    base with a fractional `gamma` is NaN.

    C1: `gamma` is finite and not negative. C2 (at run time): slots lie in
    [0, M). C3 (at run time): a token writes a slot at most once and reads it
    at most once. A failing check names row, token and slot, and `memory` and
    `mass` are as they were.

    Cost: (K + Kr) E multiply-adds a token, whatever M is; E numbers of scratch
    a row. C3 compares all pairs of an address of up to 64 slots (of any size on
    memrefs), on tensors of 64 tokens at once, whose slots are copied; it keeps a
    hash table of 2 K + 1 entries for longer ones.

    ```mlir
    func.func @recall(%w: tensor<?x?x8xf32>, %wi: tensor<?x?x8xi32>, %v: tensor<?x?x64xf32>,
        %r: tensor<?x?x8xf32>, %ri: tensor<?x?x8xi32>, %out: tensor<?x?x64xf32>,
        %memory: tensor<?x4096x64xf32>, %mass: tensor<?x4096xf32>)
        -> (tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>) {
      %o, %s, %z = effattn.address_memory
        ins(%w, %wi, %v, %r, %ri : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xf32>,
          tensor<?x?x8xf32>, tensor<?x?x8xi32>)
        outs(%out, %memory, %mass : tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>)
        {gamma = 1.0}
      return %o, %s, %z : tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>
    }
    ```
    Source: RAM-Net (arXiv 2602.11958), power decay moving average.
  }];
  let arguments = (ins
    EffAttn_Shaped<"B T K", "f32">:$write_weights,
    EffAttn_Shaped<"B T K", "i32">:$write_indices,
    EffAttn_Shaped<"B T E", "F">:$values,
    EffAttn_Shaped<"B T Kr", "f32">:$read_weights,
    EffAttn_Shaped<"B T Kr", "i32">:$read_indices,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_Shaped<"B T E", "F">:$out,
    EffAttn_Shaped<"B M E", "f32">:$memory,
    EffAttn_Shaped<"B M", "f32">:$mass,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$gamma,
    DefaultValuedAttr<EffAttn_Real, "1.0e-6">:$epsilon);
  let assemblyFormat = [{
    `ins` `(` $write_weights `,` $write_indices `,` $values `,` $read_weights `,` $read_indices `:`
      type($write_weights) `,` type($write_indices) `,` type($values) `,` type($read_weights) `,` type($read_indices) `)`
    (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    `outs` `(` $out `,` $memory `,` $mass `:` type($out) `,` type($memory) `,` type($mass) `)` attr-dict
  }];
}

def EffAttn_VectorQuantizeOp : EffAttn_MemoryOp<"vector_quantize", [], "2"> {
  let flops = "2 ... Q C";
  let summary = "replace vectors by their nearest codes";
  let description = [{
    `codes = argmin_q distance(x, codebook[q])`, `quantized = codebook[codes]`

    | `metric` | distance                                                       |
    |----------|----------------------------------------------------------------|
    | `l2`     | `sum_c (x_c - code_c)^2`, the default                            |
    | `cosine` | `-<x, code> / (max(|x|, 1e-12) max(|code|, 1e-12))`: vectors of zeros have cosine 0 |

    | operand     | shape             | meaning                                |
    |-------------|-------------------|----------------------------------------|
    | `x`         | `... C`           | vectors; f32, bf16 or f16               |
    | `codebook`  | `Q C`             | codes, of any of these types            |
    | `codes`     | `...` or `... groups` | the nearest codes, i32              |
    | `quantized` | `... C`           | what they stand for, in the type of `x` |

    With `groups` the columns fall into that many equal parts, and each chooses
    by itself: group g owns columns [g C/groups, (g+1) C/groups) of both. `codes`
    then has a last dimension, which one group may leave out.

    Equal distances take the lowest code: sums are f64, so that a tie is not
    decided by rounding, and take every code in the same order. A NaN distance
    counts as the least, so that a code with a NaN shows; a vector with a NaN
    gives code 0. Without columns (C = 0) every distance is 0.

    C1: `groups` is at least 1 and divides C. C2: `codes` has the leading
    dimensions of `x`, followed by one of size `groups`, which may be missing
    where `groups` is 1. C3: Q is at least 1. C4: Q is at most 2^31 - 1, so that
    a code is an i32.

    Cost: Q C multiply-adds a vector, and for `cosine` Q C more for the norms of
    the codes. Memory beyond operands: 8 C bytes for a vector in work, and 8 Q
    groups for the norms.

    ```mlir
    func.func @two_codes_a_vector(%x: tensor<?x?x64xbf16>, %book: tensor<1024x64xf32>,
        %codes: tensor<?x?x2xi32>, %out: tensor<?x?x64xbf16>)
        -> (tensor<?x?x2xi32>, tensor<?x?x64xbf16>) {
      %c, %o = effattn.vector_quantize ins(%x, %book : tensor<?x?x64xbf16>, tensor<1024x64xf32>)
        outs(%codes, %out : tensor<?x?x2xi32>, tensor<?x?x64xbf16>)
        {groups = 2, metric = #effattn.metric<cosine>}
      return %c, %o : tensor<?x?x2xi32>, tensor<?x?x64xbf16>
    }
    ```
    Source: VQ-VAE (arXiv 1711.00937).
  }];
  let arguments = (ins
    EffAttn_Shaped<"... C", "F">:$x,
    EffAttn_Shaped<"Q C", "float">:$codebook,
    EffAttn_Shaped<"...*", "i32">:$codes,
    EffAttn_Shaped<"... C", "F">:$quantized,
    DefaultValuedAttr<EffAttn_MetricAttr, "Metric::L2">:$metric,
    DefaultValuedAttr<I64Attr, "1">:$groups);
  let assemblyFormat = [{
    `ins` `(` $x `,` $codebook `:` type($x) `,` type($codebook) `)`
    `outs` `(` $codes `,` $quantized `:` type($codes) `,` type($quantized) `)` attr-dict
  }];
  let moreDeclaration = [{
    /// Whether `codes` has a dimension for the groups.
    bool hasGroupDim();
  }];
}

#endif // EFFATTN_MEMORY_OPS
