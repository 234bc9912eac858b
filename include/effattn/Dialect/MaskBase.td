//===- MaskBase.td - Base class of masks ----------------------------------===//
#ifndef EFFATTN_MASK_BASE
#define EFFATTN_MASK_BASE

include "effattn/Dialect/EffAttnBase.td"
include "effattn/Dialect/EffAttnTypes.td"

/// `methods`: what the mask answers beyond `emitKeep`. Masks of plugins have a
/// `dialect` of their own.
class EffAttn_MaskOp<string mnemonic, list<string> methods = [],
                     list<Trait> traits = [],
                     Dialect dialect = EffAttn_Dialect>
  : Op<dialect, mnemonic, traits # [Pure,
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

#endif // EFFATTN_MASK_BASE
