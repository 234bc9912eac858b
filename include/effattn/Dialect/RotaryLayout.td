//===- RotaryLayout.td - How rotary positions pair columns ----------------===//
#ifndef EFFATTN_ROTARY_LAYOUT
#define EFFATTN_ROTARY_LAYOUT

include "effattn/Dialect/EffAttnBase.td"

/// Of rotary_embedding and of cache_attention, in a file without ops: what a
/// family includes becomes part of its generated code.
def EffAttn_RopeLayout : I32EnumAttr<"RopeLayout", "which columns rotate as a pair", [
    I32EnumAttrCase<"Half", 0, "half">,
    I32EnumAttrCase<"Interleaved", 1, "interleaved">]> {
  let cppNamespace = "::mlir::effattn";
  let genSpecializedAttr = 0;
}
def EffAttn_RopeLayoutAttr : EnumAttr<EffAttn_Dialect, EffAttn_RopeLayout, "rope_layout"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // EFFATTN_ROTARY_LAYOUT
