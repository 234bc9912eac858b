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
def EffAttn_PairingAttr : EnumAttr<EffAttn_Dialect, EffAttn_Pairing, "pairing">;

def EffAttn_Overflow : I32EnumAttr<"Overflow", "what happens past the capacity", [
    I32EnumAttrCase<"Error", 0, "error">, I32EnumAttrCase<"Drop", 1, "drop">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_OverflowAttr : EnumAttr<EffAttn_Dialect, EffAttn_Overflow, "overflow">;

def EffAttn_BoundaryProbabilityOp : EffAttn_ComputeOp<"boundary_probability",
    [AttrSizedOperandSegments], "2", "init == 1 && getResume()"> {
  let summary = "score how likely a concept starts at each token";
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
  let summary = "map concepts back to tokens through an exponential moving average";
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
