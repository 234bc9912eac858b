//===- MyOps.td - The dialect my and its ops ------------------------------===//
include "effattn/Dialect/MaskBase.td"

def My_Dialect : Dialect {
  let name = "my";
  let cppNamespace = "::my";
  let dependentDialects = ["::mlir::effattn::EffAttnDialect"];
}

def My_BlockMaskOp : EffAttn_MaskOp<"block_mask", ["emitSupport"], dialect = My_Dialect> {
  let summary = "keep keys of the query's own block of positions";
  let description = [{
    `keep(q, k) = [floor(q / size) = floor(k / size)]`

    Positions are cut into blocks of equal size, and a query keeps those of its
    own block, before it and after it.

    Cost: a query visits the keys of its block.

    Constraint C1: size is at least 1 and below 2^31.

    Source: local attention (arXiv 1904.10509), in blocks.
  }];
  let arguments = (ins I64Attr:$size);
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}
