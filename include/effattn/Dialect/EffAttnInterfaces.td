//===- EffAttnInterfaces.td - What passes ask of the ops ------------------===//
#ifndef EFFATTN_DIALECT_INTERFACES
#define EFFATTN_DIALECT_INTERFACES

include "mlir/IR/OpBase.td"

def EffAttn_ComputeOpInterface : OpInterface<"ComputeOpInterface"> {
  let cppNamespace = "::mlir::effattn";
  let description = [{
    A destination-style op of the dialect on tensors or memrefs.

    The shape specification is the single source of what operands must look
    like; its grammar stands at `EffAttn_ShapeInfo` in EffAttnBase.td. What it
    says and what `emitPreconditions` adds is all that can be wrong with an
    op's operands: after `effattn-insert-checks` no lowering fails at run time.
  }];
  let methods = [
    StaticInterfaceMethod<"`name=shape:element;` for every operand group",
      "::llvm::StringRef", "getShapeSpec", (ins)>,
    InterfaceMethod<"the operands of the group at `index` in the specification",
      "::mlir::OperandRange", "getOperandGroup", (ins "unsigned":$index), "",
      [{ return $_op.getODSOperands(index); }]>,
    InterfaceMethod<"number of inits, which are the trailing operands",
      "unsigned", "getInitCount", (ins)>,
    InterfaceMethod<"whether the init at `index` is read: state, not only a destination",
      "bool", "readsInit", (ins "unsigned":$index)>,
    InterfaceMethod<[{
        Emits `effattn.check` ops for what the shape specification cannot say
        and data decides: k <= M, address range, capacity. The checks stand
        before the op, whose operands may be tensors or memrefs.}],
      "void", "emitPreconditions", (ins "::mlir::OpBuilder &":$builder), "",
      [{ return; }]>,
    StaticInterfaceMethod<[{
        How many floating-point operations the op takes, as a formula; empty
        where nobody has said. The grammar stands at `EffAttn_ComputeOp`.}],
      "::llvm::StringRef", "getFlopFormula", (ins), "", [{ return ""; }]>,
    StaticInterfaceMethod<[{
        `operand=formula;` for operands of which the op may read or write only
        a part: how many elements at most.}],
      "::llvm::StringRef", "getTouchedFormulas", (ins), "",
      [{ return ""; }]>,
  ];
  let verify = [{
    return ::mlir::effattn::detail::verifyShapes(
        ::llvm::cast<::mlir::effattn::ComputeOpInterface>($_op));
  }];
}

def EffAttn_MaskOpInterface : OpInterface<"MaskOpInterface"> {
  let cppNamespace = "::mlir::effattn";
  let description = [{
    An op that makes a value of type `!effattn.mask` inside a mask region.

    A mask says which keys a query keeps. Lowerings ask it three questions:
    is this key kept (`emitKeep`), which keys can a range of queries keep at
    all (`emitSupport`), and is this key a column that is worth gathering once
    for all queries (`emitColumn`). A mask that only answers the first is
    correct; the others make its cost follow the kept keys. So does a fourth,
    which keys a range of queries keeps without exception (`emitCore`).

    Positions and indices are of type `index` and signed: a position is
    negative where queries begin before the first key.
  }];
  let methods = [
    StaticInterfaceMethod<"shapes of the captured operands, in the symbols of the op that uses the mask",
      "::llvm::StringRef", "getShapeSpec", (ins), "", [{ return ""; }]>,
    InterfaceMethod<"the operands of the group at `index` in the specification",
      "::mlir::OperandRange", "getOperandGroup", (ins "unsigned":$index), "",
      [{ return $_op->getOperands().slice(index, 1); }]>,
    InterfaceMethod<"emit i1: the query of `point` keeps its key",
      "::mlir::Value", "emitKeep",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "const ::mlir::effattn::MaskPoint &":$point)>,
    InterfaceMethod<[{
        Emit a superset of the keys that queries at positions [first, last] of
        batch row `batch` keep: positions in the band, and columns inside the
        hull. Bounds need not be clamped to the keys. Default: every key.}],
      "::mlir::effattn::MaskSupport", "emitSupport",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "const ::mlir::effattn::QueryRange &":$queries), "",
      [{ return ::mlir::effattn::MaskSupport::everything(builder, loc); }]>,
    InterfaceMethod<[{
        Emit a subset of the keys that each of the queries at positions
        [first, last] of batch row `batch` keeps: there, nothing needs to be
        masked. Default: nothing.}],
      "::mlir::effattn::MaskCore", "emitCore",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "const ::mlir::effattn::QueryRange &":$queries), "",
      [{ return ::mlir::effattn::MaskCore::nothing(builder, loc); }]>,
    InterfaceMethod<"whether `emitColumn` can be true: the mask keeps columns outside its band",
      "bool", "hasColumns", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
        Emit i1: the key is a column, kept by queries wherever they stand
        (separators, initial tokens). Called only if `hasColumns`; the point's
        query is not to be used.}],
      "::mlir::Value", "emitColumn",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "const ::mlir::effattn::MaskPoint &":$point), "",
      [{ return ::mlir::Value(); }]>,
  ];
  let verify = [{ return ::mlir::effattn::detail::verifyMaskOp($_op); }];
}

def EffAttn_MaskUserOpInterface : OpInterface<"MaskUserOpInterface"> {
  let cppNamespace = "::mlir::effattn";
  let description = "An op with a mask region.";
  let methods = [
    InterfaceMethod<"the mask region; empty where every key is kept",
      "::mlir::Region &", "getMaskRegion", (ins)>,
    InterfaceMethod<"the mask that the region yields; null where every key is kept",
      "::mlir::effattn::MaskOpInterface", "getRootMask", (ins), "",
      [{ return ::mlir::effattn::detail::rootMask($_op.getMaskRegion()); }]>,
    InterfaceMethod<"what is known of the positions that the mask is asked about",
      "::mlir::effattn::PositionBounds", "getPositionBounds", (ins), "",
      [{ return ::mlir::effattn::PositionBounds(); }]>,
  ];
  let verify = [{
    return ::mlir::effattn::detail::verifyMaskRegion(
        ::llvm::cast<::mlir::effattn::MaskUserOpInterface>($_op));
  }];
}

#endif // EFFATTN_DIALECT_INTERFACES
