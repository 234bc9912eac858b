//===- EmbeddingOps.td - Tables, whole and compressed --------------------===//
#ifndef EFFATTN_EMBEDDING_OPS
#define EFFATTN_EMBEDDING_OPS

include "effattn/Dialect/EffAttnBase.td"

/// An op that reads the rows of a table that its operands make up.
class EffAttn_TableOp<string mnemonic, list<Trait> traits = []>
  : EffAttn_ComputeOp<mnemonic, traits> {
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Whole tables
//===----------------------------------------------------------------------===//

def EffAttn_EmbeddingOp : EffAttn_TableOp<"embedding"> {
  let flops = "0";
  let touched = "table=out;";
  let summary = "look rows up in a table";
  let description = [{
    `out[i.., :] = table[ids[i..], :]`

    | operand | shape   | meaning                                         |
    |---------|---------|-------------------------------------------------|
    | `ids`   | `...`   | the rows to take, of any rank                    |
    | `table` | `V C`   | f32, bf16 or f16                                 |
    | `out`   | `... C` | the rows, bit for bit, in the type of `table`    |

    An id may stand any number of times. Without ids nothing is read, and the
    table may have no rows.

    C1 (at run time): every id lies in [0, V). A failing check names the id,
    its place in `ids` and V.

    Cost: a copy of C elements for each id, no temporaries.

    ```mlir
    func.func @tokens(%ids: tensor<?x?xi32>, %table: tensor<?x640xbf16>,
        %out: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %rows = effattn.embedding ins(%ids, %table : tensor<?x?xi32>, tensor<?x640xbf16>)
        outs(%out : tensor<?x?x640xbf16>)
      return %rows : tensor<?x?x640xbf16>
    }
    ```
    Source: Attention Is All You Need (arXiv 1706.03762), section 3.4.
  }];
  // Shapes say all that types show.
  let hasVerifier = 0;
  let arguments = (ins
    EffAttn_Shaped<"...", "int">:$ids,
    EffAttn_Shaped<"V C", "F">:$table,
    EffAttn_Shaped<"... C", "F">:$out);
  let assemblyFormat = [{
    `ins` `(` $ids `,` $table `:` type($ids) `,` type($table) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

/// Of two ranks, so that the op checks its sizes.
def EffAttn_DomainWeights : Type<EffAttn_RankedTensorOrMemRef,
    "[Dn] or [B, Dn] float ranked tensor or memref", "::mlir::ShapedType">;

def EffAttn_LoraEmbeddingOp : EffAttn_TableOp<"lora_embedding"> {
  let flops = "2 ... Dn R C + 2 ... C";
  let touched = "table=out;a=... Dn R;";
  let summary = "look rows up in a table with low-rank changes for several domains";
  let description = [{
    `out[i.., :] = table[id, :] + alpha / r sum_n w_n sum_k a[n, id, k] b[n, k, :]`,
    `id = ids[i..]`

    | operand   | shape    | meaning                                         |
    |-----------|----------|-------------------------------------------------|
    | `ids`     | `...`    | the rows to take, of any rank                    |
    | `table`   | `V C`    | the table that all domains share                 |
    | `a`       | `Dn V R` | r numbers for every id of each of Dn domains     |
    | `b`       | `Dn R C` | the r directions of each domain                  |
    | `weights` | `Dn`, or `B Dn` | w, one a domain, or one a domain and a row of `ids`, whose first dimension is B; 1 where not given |
    | `out`     | `... C`  | in the type of `table`                           |

    `a`, `b` and `weights` may be f32, bf16 or f16, whatever the type of the
    table. Sums are f32 and rounded once. A rank of 0 and no domains change
    nothing. A weight of 0 does not hide a NaN of its domain.

    C1: `weights` have rank 1 or 2 and a float type. C2: their last dimension
    is Dn. C3: the first one of rank 2 is the first one of `ids`. C4 (at run
    time): every id lies in [0, V).

    Cost: (Dn r + 1) C multiply-adds for each id, and C numbers of scratch for
    a block of ids; the changed table is never built.

    ```mlir
    func.func @three_domains(%ids: tensor<?x?xi32>, %table: tensor<?x512xf32>, %a: tensor<3x?x4xf32>,
        %b: tensor<3x4x512xf32>, %mix: tensor<?x3xf32>, %out: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
      %rows = effattn.lora_embedding
        ins(%ids, %table, %a, %b : tensor<?x?xi32>, tensor<?x512xf32>, tensor<3x?x4xf32>, tensor<3x4x512xf32>)
        weights(%mix : tensor<?x3xf32>) outs(%out : tensor<?x?x512xf32>) {alpha = 8.0}
      return %rows : tensor<?x?x512xf32>
    }
    ```
    Source: LoRA (arXiv 2106.09685), on the rows of an embedding table.
  }];
  let arguments = (ins
    EffAttn_Shaped<"...", "int">:$ids,
    EffAttn_Shaped<"V C", "F">:$table,
    EffAttn_Shaped<"Dn V R", "float">:$a,
    EffAttn_Shaped<"Dn R C", "float">:$b,
    Optional<EffAttn_DomainWeights>:$weights,
    EffAttn_Shaped<"... C", "F">:$out,
    DefaultValuedAttr<EffAttn_Real, "1.0">:$alpha);
  let assemblyFormat = [{
    `ins` `(` $ids `,` $table `,` $a `,` $b `:` type($ids) `,` type($table) `,` type($a) `,` type($b) `)`
    (`weights` `(` $weights^ `:` type($weights) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let moreDeclaration = "  void emitWeightChecks(::mlir::OpBuilder &builder);\n";
}

def EffAttn_CombineMode : I32EnumAttr<"CombineMode", "how two parts of a row become one", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Concat", 1, "concat">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_CombineAttr : EnumAttr<EffAttn_Dialect, EffAttn_CombineMode, "combine"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_SplitEmbeddingOp : EffAttn_TableOp<"split_embedding",
    [AttrSizedOperandSegments]> {
  let touched = "invariant=out;variant=out;invariant_map=...;variant_map=...;";
  let summary = "make every row of a shared part and a part of its own";
  let description = [{
    `out[i.., :] = invariant[invariant_map[id], :] + variant[variant_map[id], :]`
    for `combine = add`, the one followed by the other for `concat`,
    `id = ids[i..]`

    | operand         | shape   | meaning                                   |
    |-----------------|---------|-------------------------------------------|
    | `ids`           | `...`   | ids of the vocabulary, of any rank         |
    | `invariant`     | `Vi Ci` | the part that many ids share: what a token does, whatever its content |
    | `variant`       | `Vv Cv` | the part that tells them apart             |
    | `invariant_map` | `V`     | the row of `invariant` for every id        |
    | `variant_map`   | `V`     | the row of `variant` for every id          |
    | `out`           | `... Co` | in the type of `invariant`; Co is Ci, or Ci + Cv for `concat` |

    Without a map an id is itself the row of its table, and the table's rows
    bound the ids. Entries of a map that no id asks for are not looked at.
    `variant` may have another float type than `invariant`; sums are f32.

    C1: with `add`, `variant` is as wide as `invariant`. C2: the width of `out`
    is that of the rows. C3 (at run time): every id lies in [0, V), where V is
    the size of the maps, or the rows of a table without one, whichever is
    less. C4 (at run time): a map sends the ids that are asked for to rows of
    its table.

    Cost: Ci + Cv elements read for each id, no temporaries.

    ```mlir
    func.func @role_and_content(%ids: tensor<?xi32>, %roles: tensor<64x32xf32>, %words: tensor<?x96xf32>,
        %role_of: tensor<?xi32>, %out: tensor<?x128xf32>) -> tensor<?x128xf32> {
      %rows = effattn.split_embedding
        ins(%ids, %roles, %words : tensor<?xi32>, tensor<64x32xf32>, tensor<?x96xf32>)
        invariant_map(%role_of : tensor<?xi32>)
        outs(%out : tensor<?x128xf32>) {combine = #effattn.combine<concat>}
      return %rows : tensor<?x128xf32>
    }
    ```
    Source: effattn; the sum generalises compositional embeddings (arXiv 1909.02107).
  }];
  let arguments = (ins
    EffAttn_Shaped<"...", "int">:$ids,
    EffAttn_Shaped<"_ _", "F">:$invariant,
    EffAttn_Shaped<"_ _", "float">:$variant,
    EffAttn_OptionalShaped<"V", "int">:$invariant_map,
    EffAttn_OptionalShaped<"V", "int">:$variant_map,
    EffAttn_Shaped<"... _", "F">:$out,
    DefaultValuedAttr<EffAttn_CombineAttr, "CombineMode::Add">:$combine);
  let assemblyFormat = [{
    `ins` `(` $ids `,` $invariant `,` $variant `:` type($ids) `,` type($invariant) `,` type($variant) `)`
    (`invariant_map` `(` $invariant_map^ `:` type($invariant_map) `)`)?
    (`variant_map` `(` $variant_map^ `:` type($variant_map) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let moreDeclaration = "  void emitWidthChecks(::mlir::OpBuilder &builder);\n";
}

//===----------------------------------------------------------------------===//
// Compressed tables
//===----------------------------------------------------------------------===//

def EffAttn_TensorTrainEmbeddingOp : EffAttn_TableOp<"tensor_train_embedding"> {
  let summary = "look rows up in a table that is a product of cores";
  let description = [{
    With the digits `i_c` of an id in mixed radix n and the digits `j_c` of a
    column in mixed radix m, the first the most significant, a row holds

    `out[i.., j] = core_0[:, i_0, j_0, :] core_1[:, i_1, j_1, :] ...`,

    a product of matrices that begins with one row and ends with one column.

    | operand | shape   | meaning                                           |
    |---------|---------|---------------------------------------------------|
    | `ids`   | `...`   | rows of the table, of any rank                     |
    | `cores` | `r' n m r` each | core c, with n row modes and m column modes, from rank r' = `r_{c-1}` to rank r = `r_c`; the outermost ranks are 1 |
    | `out`   | `... C` | in the type of the cores, C the product of all m    |

    `vocabulary` is V, the number of rows that are in use; the product of all n
    where not given. A rank of 0 gives rows of zeros. Sums are f32 and rounded
    once.

    C1: there is at least one core. C2: the outermost ranks are 1. C3: the rank
    before a core is the rank behind the one before it. C4: C is the product of
    all m. C5: `vocabulary` is at least 0. C6: `vocabulary` is at most the
    product of all n, which counts as 2^63 - 1 where it is more. C7 (at run
    time): every id lies in [0, V).

    Cost: for each id `sum_c m_0 ... m_c r_{c-1} r_c` multiply-adds, from left
    to right. Scratch for a block of ids: `m_0 ... m_c r_c` numbers for every
    core, and the largest `m_c r_c`. The table is never built.

    ```mlir
    func.func @fifty_thousand_rows(%ids: tensor<?x?xi32>, %first: tensor<1x32x8x16xf32>,
        %second: tensor<16x40x8x16xf32>, %third: tensor<16x40x12x1xf32>, %out: tensor<?x?x768xf32>)
        -> tensor<?x?x768xf32> {
      %rows = effattn.tensor_train_embedding ins(%ids, %first, %second, %third :
          tensor<?x?xi32>, tensor<1x32x8x16xf32>, tensor<16x40x8x16xf32>, tensor<16x40x12x1xf32>)
        outs(%out : tensor<?x?x768xf32>) {vocabulary = 50257}
      return %rows : tensor<?x?x768xf32>
    }
    ```
    Source: TensorGPT (arXiv 2307.00526); tensor trains as embedding layers
    (arXiv 1901.10787).
  }];
  let arguments = (ins
    EffAttn_Shaped<"...", "int">:$ids,
    EffAttn_VariadicShaped<"_ _ _ _", "F">:$cores,
    EffAttn_Shaped<"... _", "F">:$out,
    OptionalAttr<I64Attr>:$vocabulary);
  let assemblyFormat = [{
    `ins` `(` $ids `,` $cores `:` type($ids) `,` type($cores) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
  let moreDeclaration = "  void emitShapeChecks(::mlir::OpBuilder &builder);\n";
}

/// The operands of a table of 4-bit and 8-bit rows.
defvar EffAttn_quantizedTable = (ins
  EffAttn_Shaped<"V4 Cb", "i8">:$codes4,
  EffAttn_Shaped<"V8 C", "i8">:$codes8,
  EffAttn_Shaped<"V", "bool">:$row_kind,
  EffAttn_Shaped<"V", "int">:$row_index,
  EffAttn_Shaped<"V Cg", "float">:$scales,
  EffAttn_OptionalShaped<"V Cb", "i8">:$residual_codes,
  EffAttn_OptionalShaped<"V Cg", "float">:$residual_scales,
  EffAttn_OptionalShaped<"V", "int">:$nearest,
  EffAttn_OptionalShaped<"V", "float">:$nearest_weight);

class EffAttn_QuantizedTableOp<string mnemonic>
  : EffAttn_TableOp<mnemonic, [AttrSizedOperandSegments]> {
  let moreDeclaration = [{
    ::mlir::effattn::QuantizedTable getQuantizedTable() {
      return {getCodes4(), getCodes8(), getRowKind(), getRowIndex(),
              getScales(), getResidualCodes(), getResidualScales(),
              getNearest(), getNearestWeight()};
    }
  }];
}

def EffAttn_QuantizedEmbeddingOp : EffAttn_QuantizedTableOp<"quantized_embedding"> {
  let flops = "out";
  let touched = "codes4=... Cb;codes8=out;row_kind=...;row_index=...;scales=... Cg;" #
      "residual_codes=... Cb;residual_scales=... Cg;nearest=...;" #
      "nearest_weight=...;";
  let summary = "look rows up in a table of 4-bit and 8-bit codes";
  let description = [{
    Row id of the table is a row of 8-bit codes or of 4-bit codes, each times
    the scale of its group of g columns, and what makes up for the error:

    `plain[id, c] = code[id, c] scales[id, c / g]`,
    `row[id, c] = plain[id, c] + residual_code[id, c] residual_scales[id, c / g]
    + nearest_weight[id] plain[nearest[id], c]`, `out[i.., :] = row[ids[i..], :]`

    | operand           | shape   | meaning                                  |
    |-------------------|---------|------------------------------------------|
    | `ids`             | `...`   | ids of the vocabulary, of any rank         |
    | `codes4`          | `V4 Cb` | rows of 4 bits a column, Cb = ceil(C / 2) bytes |
    | `codes8`          | `V8 C`  | rows of 8 bits a column, with a sign        |
    | `row_kind`        | `V`     | whether the row of an id has 8 bits         |
    | `row_index`       | `V`     | the row of an id in `codes8` or `codes4`    |
    | `scales`          | `V Cg`  | one for each g = C / Cg columns of a row    |
    | `residual_codes`  | `V Cb`  | 4 bits a column, for every id               |
    | `residual_scales` | `V Cg`  | as `scales`                                 |
    | `nearest`         | `V`     | the id of an 8-bit row that is added, or -1 for none |
    | `nearest_weight`  | `V`     | how much of it                              |
    | `out`             | `... C` | f32, bf16 or f16, as the init has it        |

    A byte of 4-bit codes holds two columns in two's complement, the first in
    its low half; with odd C the last half is not used, whatever it holds. V4 or
    V8 may be 0, and of the nearest row its plain part counts alone. Scales and weights may have any float type; sums are f32
    and rounded once. Rows that no id asks for are not looked at. On average a
    column takes 4 + 4 f bits for a share f of 8-bit rows, and 4 more for the
    residual.

    C1: `codes4` has ceil(C / 2) bytes a row, C columns being those of
    `codes8`. C2: the groups of `scales` divide C; a C of 0 has any number of
    groups. C3: `residual_codes` and `residual_scales` are given together.
    C4: `nearest` and `nearest_weight` are given together. C5 (at run time):
    `row_index` of the rows that are asked for lies in their table. C6 (at run
    time): `nearest` of such rows is -1 or the id of an 8-bit row. C7 (at run
    time): every id lies in [0, V). C8 (at run time): 4-bit codes of such rows
    lie in [-7, 7], 8-bit codes in [-127, 127].

    Cost: one pass over the codes of each row that is asked for, 2 ceil(C / 2)
    bytes of scratch a block of ids, twice as many with a residual.

    ```mlir
    func.func @five_bits(%ids: tensor<?x?xi32>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>,
        %kind: tensor<?xi1>, %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %near: tensor<?xi32>,
        %weight: tensor<?xf16>, %out: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %rows = effattn.quantized_embedding ins(%ids, %codes4, %codes8, %kind, %row, %scales :
          tensor<?x?xi32>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
        nearest(%near, %weight : tensor<?xi32>, tensor<?xf16>) outs(%out : tensor<?x?x640xbf16>)
      return %rows : tensor<?x?x640xbf16>
    }
    ```
    Source: effattn; scales by group as in GPTQ (arXiv 2210.17323).
  }];
  let arguments = !con(
    (ins EffAttn_Shaped<"...", "int">:$ids), EffAttn_quantizedTable,
    (ins EffAttn_Shaped<"... C", "float">:$out));
  let assemblyFormat = [{
    `ins` `(` $ids `,` $codes4 `,` $codes8 `,` $row_kind `,` $row_index `,` $scales `:`
      type($ids) `,` type($codes4) `,` type($codes8) `,` type($row_kind) `,` type($row_index) `,` type($scales) `)`
    (`residual` `(` $residual_codes^ `,` $residual_scales `:` type($residual_codes) `,` type($residual_scales) `)`)?
    (`nearest` `(` $nearest^ `,` $nearest_weight `:` type($nearest) `,` type($nearest_weight) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

def EffAttn_Precision : I32EnumAttr<"Precision", "what activations are rounded to", [
    I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"I8", 1, "i8">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_PrecisionAttr : EnumAttr<EffAttn_Dialect, EffAttn_Precision, "precision"> {
  let assemblyFormat = "`<` $value `>`";
}

def EffAttn_QuantizedMatmulOp : EffAttn_QuantizedTableOp<"quantized_matmul"> {
  let flops = "2 ... C V";
  let summary = "multiply by the transpose of a table of 4-bit and 8-bit codes";
  let description = [{
    `out[i.., v] = sum_c x[i.., c] row[v, c]`, where `row` is what
    `quantized_embedding` gives for id v: the logits of an output head that is
    tied to such a table, or a layer whose weight is stored by output row.

    | operand           | shape   | meaning                                  |
    |-------------------|---------|------------------------------------------|
    | `x`               | `... C` | activations, of any rank from 1 on         |
    | `codes4`          | `V4 Cb` | rows of 4 bits a column, Cb = ceil(C / 2) bytes |
    | `codes8`          | `V8 C`  | rows of 8 bits a column, with a sign        |
    | `row_kind`        | `V`     | whether the row of an id has 8 bits         |
    | `row_index`       | `V`     | the row of an id in `codes8` or `codes4`    |
    | `scales`          | `V Cg`  | one for each g = C / Cg columns of a row    |
    | `residual_codes`  | `V Cb`  | 4 bits a column, for every id               |
    | `residual_scales` | `V Cg`  | as `scales`                                 |
    | `nearest`         | `V`     | the id of an 8-bit row that is added, or -1 for none |
    | `nearest_weight`  | `V`     | how much of it                              |
    | `out`             | `... V` | in the type of `x`                          |

    With `activation = #effattn.precision<i8>` each group of g columns of a row
    of `x`, the groups of `scales`, is rounded to whole multiples of its
    largest magnitude / 127 first, ties to even; the default
    `#effattn.precision<f32>` takes `x` as it is. A group of zeros stays zero,
    and a NaN or an infinity in a group makes it NaN. Sums are f32.

    C1: `codes4` has ceil(C / 2) bytes a row, C columns being those of
    `codes8`. C2: the groups of `scales` divide C; a C of 0 has any number of
    groups. C3: `residual_codes` and `residual_scales` are given together.
    C4: `nearest` and `nearest_weight` are given together. C5 (at run time):
    `row_index` of every row lies in its table. C6 (at run time): `nearest` of
    every row is -1 or the id of an 8-bit row. C8 (at run time): 4-bit codes
    of every row lie in [-7, 7], 8-bit codes in [-127, 127]. They are checked as
    they are read, so that `out` may have been written when one is found.

    Cost: one pass over the codes, a few of which at a time are decoded, or
    copied as bytes, into scratch: at most 2048 rows of 384 columns in f32, or
    256 rows of bytes a thread. `i8` keeps a copy of `x` in f32, or two in
    bytes. For few rows of `x` reading the table is what takes time.

    ```mlir
    func.func @logits(%x: tensor<?x640xbf16>, %codes4: tensor<?x320xi8>, %codes8: tensor<?x640xi8>,
        %kind: tensor<?xi1>, %row: tensor<?xi32>, %scales: tensor<?x20xf16>, %codes: tensor<?x320xi8>,
        %steps: tensor<?x20xf16>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
      %logits = effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales :
          tensor<?x640xbf16>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>)
        residual(%codes, %steps : tensor<?x320xi8>, tensor<?x20xf16>)
        outs(%out : tensor<?x?xbf16>) {activation = #effattn.precision<i8>}
      return %logits : tensor<?x?xbf16>
    }
    ```
    Source: effattn; scales by group as in GPTQ (arXiv 2210.17323), 8-bit
    activations as in LLM.int8() (arXiv 2208.07339).
  }];
  let arguments = !con(
    (ins EffAttn_Shaped<"... C", "F">:$x), EffAttn_quantizedTable,
    (ins EffAttn_Shaped<"... V", "F">:$out,
         DefaultValuedAttr<EffAttn_PrecisionAttr, "Precision::F32">:$activation));
  let assemblyFormat = [{
    `ins` `(` $x `,` $codes4 `,` $codes8 `,` $row_kind `,` $row_index `,` $scales `:`
      type($x) `,` type($codes4) `,` type($codes8) `,` type($row_kind) `,` type($row_index) `,` type($scales) `)`
    (`residual` `(` $residual_codes^ `,` $residual_scales `:` type($residual_codes) `,` type($residual_scales) `)`)?
    (`nearest` `(` $nearest^ `,` $nearest_weight `:` type($nearest) `,` type($nearest_weight) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict
  }];
}

#endif // EFFATTN_EMBEDDING_OPS
