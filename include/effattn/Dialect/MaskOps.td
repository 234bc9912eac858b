//===- MaskOps.td - Which keys a query keeps ------------------------------===//
#ifndef EFFATTN_MASK_OPS
#define EFFATTN_MASK_OPS

include "effattn/Dialect/EffAttnBase.td"
include "effattn/Dialect/EffAttnTypes.td"

/// `methods`: what the mask answers beyond `emitKeep`.
class EffAttn_MaskOp<string mnemonic, list<string> methods = [],
                     list<Trait> traits = []>
  : Op<EffAttn_Dialect, mnemonic, traits # [Pure,
      DeclareOpInterfaceMethods<EffAttn_MaskOpInterface, methods>]> {
  let results = (outs EffAttn_MaskType:$result);
  let extraClassDeclaration = [{
    static ::llvm::StringRef getShapeSpec() { return "}]
      # EffAttn_ShapeSpec<arguments>.text # [{"; }
    ::mlir::OperandRange getOperandGroup(unsigned index) {
      return getODSOperands(index);
    }
  }];
}

def EffAttn_CausalMaskOp : EffAttn_MaskOp<"causal_mask", ["emitSupport"]> {
  let summary = "keep keys at or before the query";
  let assemblyFormat = "attr-dict";
}

def EffAttn_WindowMaskOp : EffAttn_MaskOp<"window_mask", ["emitSupport"]> {
  let summary = "keep keys less than a number of positions before the query, and all after it";
  let arguments = (ins I64Attr:$size);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def EffAttn_InitialMaskOp : EffAttn_MaskOp<"initial_mask",
    ["emitSupport", "hasColumns", "emitColumn"]> {
  let summary = "keep the first keys of a row";
  let arguments = (ins EffAttn_OptionalShaped<"B", "int">:$starts, I64Attr:$count);
  let assemblyFormat = "(`starts` `(` $starts^ `:` type($starts) `)`)? attr-dict";
  let hasVerifier = 1;
}

def EffAttn_LengthMaskOp : EffAttn_MaskOp<"length_mask", ["emitSupport"]> {
  let summary = "keep keys inside the valid part of a row";
  let arguments = (ins EffAttn_Shaped<"B", "int">:$lengths,
                       EffAttn_OptionalShaped<"B", "int">:$starts);
  let assemblyFormat = [{
    $lengths `:` type($lengths) (`starts` `(` $starts^ `:` type($starts) `)`)? attr-dict
  }];
}

def EffAttn_DocumentMaskOp : EffAttn_MaskOp<"document_mask"> {
  let summary = "keep keys of the query's own document";
  let arguments = (ins EffAttn_Shaped<"B T", "int">:$query_ids,
                       EffAttn_Shaped<"B S", "int">:$key_ids);
  let assemblyFormat = [{
    $query_ids `,` $key_ids `:` type($query_ids) `,` type($key_ids) attr-dict
  }];
}

def EffAttn_DenseMaskOp : EffAttn_MaskOp<"dense_mask"> {
  let summary = "keep what a dense tensor of flags says";
  let arguments = (ins EffAttn_Shaped<"B|1 H|1 T S", "bool">:$keep);
  let assemblyFormat = "$keep `:` type($keep) attr-dict";
}

def EffAttn_SeparatorMaskOp : EffAttn_MaskOp<"separator_mask",
    ["emitSupport", "hasColumns", "emitColumn"]> {
  let summary = "keep initial, separator and neighbouring keys, causally";
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
  : EffAttn_MaskOp<mnemonic, ["emitSupport", "hasColumns", "emitColumn"], traits> {
  let arguments = (ins Variadic<EffAttn_MaskType>:$parts);
  let assemblyFormat = "$parts attr-dict";
  let hasCanonicalizeMethod = 1;
}

def EffAttn_MaskAndOp : EffAttn_MaskCombinationOp<"mask_and"> {
  let summary = "keep what every part keeps";
}

def EffAttn_MaskOrOp : EffAttn_MaskCombinationOp<"mask_or"> {
  let summary = "keep what any part keeps";
}

def EffAttn_MaskNotOp : EffAttn_MaskOp<"mask_not"> {
  let summary = "keep what a mask does not keep";
  let arguments = (ins EffAttn_MaskType:$part);
  let assemblyFormat = "$part attr-dict";
  let hasFolder = 1;
}

#endif // EFFATTN_MASK_OPS
