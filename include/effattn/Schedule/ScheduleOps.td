//===- ScheduleOps.td - Ops of the transform dialect ----------------------===//
#ifndef EFFATTN_SCHEDULE_OPS
#define EFFATTN_SCHEDULE_OPS

include "mlir/Dialect/Transform/IR/TransformDialect.td"
include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Replaces the ops of a handle one by one, up to the first that it cannot, and
/// says why not. The trait for "each op" wants as many results for each.
class EffAttn_ScheduleOp<string mnemonic>
    : Op<Transform_Dialect, "effattn." # mnemonic,
         [DeclareOpInterfaceMethods<TransformOpInterface>,
          FunctionalStyleTransformOpTrait, MemoryEffectsOpInterface,
          ReportTrackingListenerFailuresOpTrait]>;

def EffAttn_ExpandOp : EffAttn_ScheduleOp<"expand"> {
  let summary = "make loops over vectors of an op on memrefs";
  let description = [{
    Each op of `target` becomes what the pass `effattn-expand-*` of its kind
    makes of it; linalg ops that are products of matrices, too. `tiling` gives
    sizes of caches and blocks for these ops alone, under the names that
    `--tiling` of effattn-compile knows; the cost model chooses the others.
    `vector_bits`, `vector_registers`, `byte_dots`, `short_dots` and `pair_dots`
    describe the CPU, as the options of the passes do.

    Consumes `target`. `expanded` are the loops, and other ops with regions, that
    stand in the place of the ops.

    Where an op has no expansion, or operands that are no memrefs, it stays, and
    the failure, which is silenceable, says why. A tiling that does not exist is
    refused by the verifier (C1).
  }];
  let arguments = (ins TransformHandleTypeInterface:$target,
    OptionalAttr<DictionaryAttr>:$tiling,
    DefaultValuedAttr<I64Attr, "128">:$vector_bits,
    DefaultValuedAttr<I64Attr, "16">:$vector_registers,
    UnitAttr:$byte_dots,
    UnitAttr:$short_dots,
    UnitAttr:$pair_dots);
  let results = (outs TransformHandleTypeInterface:$expanded);
  let assemblyFormat = [{
    $target (`tiling` $tiling^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def EffAttn_LowerToLinalgOp : EffAttn_ScheduleOp<"lower_to_linalg"> {
  let summary = "make plain loops of an op on tensors";
  let description = [{
    Each op of `target` becomes what `effattn-convert-to-linalg` makes of it, for
    upstream's transforms to go on with.

    Its checks of what only data shows are made by `effattn-insert-checks`, which
    has to come first: the op as `effattn-compile --emit=mlir-linalg` prints it
    has them in front of it.

    Consumes `target`. `lowered` are the loops and linalg ops that stand in the
    place of the ops.

    An op that has no such lowering, or that is on memrefs, stays, and the
    failure, which is silenceable, says why.
  }];
  let arguments = (ins TransformHandleTypeInterface:$target);
  let results = (outs TransformHandleTypeInterface:$lowered);
  let assemblyFormat = [{
    $target attr-dict `:` functional-type(operands, results)
  }];
}

#endif // EFFATTN_SCHEDULE_OPS
