//===- AttentionOps.td - Attention and what it is made of -----------------===//
#ifndef EFFATTN_ATTENTION_OPS
#define EFFATTN_ATTENTION_OPS

include "effattn/Dialect/EffAttnBase.td"

def EffAttn_SeparatorPositionsOp : EffAttn_ComputeOp<"separator_positions"> {
  let hasPreconditions = 1;
  let summary = "mark the tokens that separate segments";
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
  let arguments = (ins
    Optional<EffAttn_Offset>:$offset,
    EffAttn_Shaped<"B H T S", "bool">:$keep);
  let regions = (region MaxSizedRegion<1>:$mask);
  let assemblyFormat = [{
    (`offset` `(` $offset^ `:` type($offset) `)`)?
    `outs` `(` $keep `:` type($keep) `)` attr-dict (`mask` $mask^)?
  }];
  let moreDeclaration = [{
    ::mlir::Region &getMaskRegion() { return getMask(); }
  }];
  let hasVerifier = 1;
}

def EffAttn_AttentionOp : EffAttn_ComputeOp<"attention",
    [AttrSizedOperandSegments, EffAttn_MaskUserOpInterface],
    "1u + (adaptor.getLse() ? 1u : 0u)"> {
  let hasPreconditions = 1;
  let summary = "attend with grouped heads under a symbolic mask";
  let arguments = (ins
    EffAttn_Shaped<"B H T D", "F">:$query,
    EffAttn_Shaped<"B G S D", "float">:$key,
    EffAttn_Shaped<"B G S E", "float">:$value,
    EffAttn_OptionalShaped<"B", "int">:$lengths,
    EffAttn_OptionalShaped<"B", "int">:$key_lengths,
    EffAttn_OptionalShaped<"B S", "int">:$key_positions,
    Optional<EffAttn_Offset>:$offset,
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
  }];
  let hasVerifier = 1;
}

def EffAttn_MergeAttentionOp : EffAttn_ComputeOp<"merge_attention", [], "2"> {
  let summary = "combine two attention results over disjoint keys";
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

#endif // EFFATTN_ATTENTION_OPS
