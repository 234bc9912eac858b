//===- EffAttnTypes.td ----------------------------------------------------===//
#ifndef EFFATTN_DIALECT_TYPES
#define EFFATTN_DIALECT_TYPES

include "mlir/IR/AttrTypeBase.td"
include "effattn/Dialect/EffAttnBase.td"

def EffAttn_MaskType : TypeDef<EffAttn_Dialect, "Mask"> {
  let mnemonic = "mask";
  let summary = "which keys a query keeps";
  let description = [{
    Exists only inside a mask region, so that the tensors a mask captures are
    read by the op that owns the region and by nothing else.
  }];
}

#endif // EFFATTN_DIALECT_TYPES
