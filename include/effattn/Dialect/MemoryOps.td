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
def EffAttn_ShiftModeAttr : EnumAttr<EffAttn_Dialect, EffAttn_ShiftMode, "shift">;

class EffAttn_MemoryOp<string mnemonic, list<Trait> traits = [],
                       string initCount = "1", string readsInitBody = "false">
  : EffAttn_ComputeOp<mnemonic, traits, initCount, readsInitBody> {
  let hasPreconditions = 1;
  let hasVerifier = 1;
}

def EffAttn_ProductSoftmaxOp : EffAttn_MemoryOp<"product_softmax"> {
  let summary = "spread digit logits to probabilities of all slots";
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
  let summary = "write to and read from a memory of slots at sparse addresses";
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

#endif // EFFATTN_MEMORY_OPS
