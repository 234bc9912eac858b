//===- Passes.td - Passes on the dialect ----------------------------------===//
#ifndef EFFATTN_TRANSFORMS_PASSES
#define EFFATTN_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def InsertChecksPass : Pass<"effattn-insert-checks"> {
  let summary = "state every precondition of an op as effattn.check before it";
  let description = [{
    Emits `effattn.check` for sizes that must agree and are dynamic (those of
    linalg ops too, which would read out of bounds otherwise), for row
    lengths outside of their dimension, and for what each op adds itself
    (`emitPreconditions`). Afterwards no op of the dialect can fail, so
    lowerings only compute. Runs once: a second run would check again.

    `later` names ops whose lowering finds out on its way what data decides, and
    checks it itself before it writes anything. Inside of parallel loops, where
    a lowering may be a plain one, they are checked here, too.
  }];
  let options = [ListOption<"later", "later", "std::string",
    "Names of ops that check what data decides when they are lowered">];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect",
    "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

def FuseDechunkResidualPass : Pass<"effattn-fuse-dechunk-residual"> {
  let summary = "add the residual inside dechunk";
  let description = [{
    `h + dechunk(...)` becomes `dechunk(...) residual(h)`, which saves a pass
    over the tokens. The sum is an `arith.addf` on tensors or a linalg op that
    adds elementwise (add, elementwise, map, generic).

    The value stays the same to the bit, so a sum is left alone, with a remark
    that says why, where dechunk rounds to bf16 or f16 first, where it has
    `lengths` (padding tokens hold h after a sum but 0 after dechunk), and where
    its tokens are used elsewhere or h is computed later.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def SimplifyMasksPass : Pass<"effattn-simplify-masks"> {
  let summary = "drop the parts of masks that decide nothing";
  let description = [{
    Rewrites mask regions into equal masks that cost less to evaluate:
    - a part of `mask_and` that another part implies, and a part of `mask_or`
      that implies another, is dropped: the larger of two windows, a causal
      mask beside a separator mask;
    - a mask that keeps all keys becomes `mask_and` of nothing, one that keeps
      none `mask_or` of nothing, and the masks around follow;
    - `mask_not` moves out of or into a combination where that leaves fewer;
    - a separator mask whose window or initial keys reach every key becomes a
      causal mask, and its separators are no longer looked at;
    - an op whose mask keeps all keys loses its mask region.

    What a mask keeps may depend on the op around it: a window as wide as a
    static number of keys is full, a causal mask is full for one query that
    comes last. Such rules hold for every offset that the op can have; padding
    rows and keys, which are never kept, do not count. Every rule that fires
    leaves a remark; where positions come from `key_positions`, a missed remark
    says that only rules for any position apply.
  }];
}

def PrepareEntryPointsPass : Pass<"effattn-prepare-entry-points", "::mlir::ModuleOp"> {
  let summary = "give public functions the calling convention of compiled code";
  let description = [{
    Turns every public function on tensors into its implementation on buffers
    of the caller and records its C signature (docs/design/entry-points.md):
    arguments become memrefs, results are written to memrefs of the caller or,
    where data decides their size, returned; a result that succeeds a state
    argument works in place on the result's memory. Beside each function `f` a
    function `f_sizes` computes the sizes of its results.

    Runs on tensors, after inlining: a call that is left is an error.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

def BuildResultsInPlacePass : Pass<"effattn-build-results-in-place", "::mlir::ModuleOp"> {
  let summary = "build results in the memory that they are written to";
  let description = [{
    An empty tensor whose value ends in a buffer of the caller (a
    `bufferization.materialize_in_destination`), or in a part of a tensor, is
    replaced by that memory, which saves a copy. This is MLIR's
    `eliminate-empty-tensors` with two conditions that keep it correct where a
    function has many results:
    - Ops that build on the same empty or filled tensor get a tensor each, which
      `cse` makes one of.
    - A value stays out of the caller's buffer where it, or what shares its
      memory, is read once the buffer has been written: where it is part of
      another result, say. Bufferization cannot see that, as the buffer is no
      tensor.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def LowerChecksPass : Pass<"effattn-lower-checks", "::mlir::ModuleOp"> {
  let summary = "turn checks and allocations into branches to an error return";
  let description = [{
    Expects control flow as a CFG (after `convert-scf-to-cf`) in functions whose
    last result is an i32 status. A failing check calls the support code with
    its sentence and returns the code; a failed allocation does the same. After
    a call of a private function that returns an i32 alone, a status other than
    0 is returned. Checks inside a parallel region are refused:
    `effattn-limit-parallelism` makes such loops sequential before.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::ub::UBDialect"];
}

def ShortenLifetimesPass : Pass<"effattn-shorten-lifetimes"> {
  let summary = "allocate before the first use and free behind the last one";
  let description = [{
    Bufferization allocates early, and deallocation frees where a block ends, so
    that a model would hold the memory of all of its layers at once. A
    `memref.alloc` moves to before the first op of its block that uses it, and
    the views that would hold it up with it; a `memref.dealloc` of the same
    block to behind the last op that uses the memory or views of it. Memory
    that another block may use, or whose address goes on to more than arithmetic
    and comparisons, is freed where it was.

    `optimize-allocation-liveness` of MLIR does the second half alone, with
    which 66 buffers of a step of effattn-tiny live at a time in place of 21,
    and frees memory before a load by its address.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def LimitParallelismPass : Pass<"effattn-limit-parallelism"> {
  let summary = "make parallel loops sequential where they must or should be";
  let description = [{
    A parallel loop inside another one only adds overhead, and so does one over
    few elements. A loop that contains a check must be able to return early. Loops are `scf.parallel` and
    `scf.forall` on buffers; what stays parallel becomes `scf.parallel`. Of a
    loop over elements, the last dimension becomes sequential, so that it
    vectorizes and costs no division to find an element's indices.

    A loop with a body of a few ops whose length is only known when it runs gets
    a sequential form beside it, which is taken for one iteration or few
    elements.
  }];
  let options = [Option<"threads", "threads", "bool", /*default=*/"true",
    "Whether there are threads; without, nothing needs a second form">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect"];
}

def FuseNormMatmulPass : Pass<"effattn-fuse-norm-matmul"> {
  let summary = "normalise rows where they are multiplied";
  let description = [{
    A linalg contraction or a gated_ffn of the rows that rms_norm or layer_norm
    gives becomes a parallel loop over tiles that normalises its rows itself:
    normalised rows stay in the cache and no tensor holds all of them. A norm
    with several products (queries, keys, values) is computed in each, which is
    a small share of their work. Values do not change.

    Runs after `effattn-insert-checks`, whose checks cannot stand in parallel
    loops.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def FuseEmbeddingNormPass : Pass<"effattn-fuse-embedding-norm"> {
  let summary = "normalise rows as they leave their table";
  let description = [{
    rms_norm or layer_norm of looked-up rows (embedding, quantized_embedding,
    split_embedding) becomes a parallel loop over tiles of tokens that looks rows
    up, de-quantises and normalises them. Rows that are also used elsewhere, as a
    residual stream is, are stored as well, while they are in the cache. Values do
    not change.

    Runs after `effattn-insert-checks`, whose checks cannot stand in parallel
    loops.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def FuseQuantizedTopKPass : Pass<"effattn-fuse-quantized-top-k"> {
  let summary = "keep the best logits of a quantised head without storing all";
  let description = [{
    top_k of quantized_matmul becomes a parallel loop over blocks of the
    vocabulary, each of which keeps its k best, and a top_k of those: a block of
    logits stays in the cache and no tensor has the size of the vocabulary.
    Values, indices and the order of ties do not change.

    A table whose rows take from a `nearest` row is left alone, with a remark:
    that row may stand in another block. Runs after `effattn-insert-checks`,
    whose checks cannot stand in parallel loops.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

def RaiseGatedFFNPass : Pass<"effattn-raise-gated-ffn"> {
  let summary = "recognise gated feed-forward networks";
  let description = [{
    `(act(x gate) * (x up)) down` of linalg contractions in f32 becomes a
    gated_ffn, which computes gate and up in one pass over the rows and never
    holds the whole hidden layer. The activation (silu, gelu with erf or tanh,
    relu) may be one linalg op or a chain of linalg, arith and math ops on
    tensors. Values change by rounding only.
  }];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect"];
}

def PackConstantsPass : Pass<"effattn-pack-constants"> {
  let summary = "pack weights that are constants at compile time";
  let description = [{
    Rows times a constant matrix of floats, a linalg contraction that is added
    to nothing, becomes `effattn.packed_matmul`, whose panels are a constant in
    the order in which the product reads them. The last panel is filled with
    zeros. Values do not change.

    A constant is left alone, with a remark that says why, where it has fewer
    columns than a panel, where it is one number, and where it is also used for
    something else: it would be stored twice.
  }];
  let options = [Option<"columns", "columns", "int64_t", "48",
    "Columns of a panel">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::effattn::EffAttnDialect"];
}

def LowerPacksPass : Pass<"effattn-lower-packs"> {
  let summary = "turn linalg.pack and linalg.unpack into copies";
  let description = [{
    Neither op can be bufferized. On tensors, both become what they are made of:
    a pack a padding, a reshape and a transposition, an unpack the reverse.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
}

def RaiseHourglassPass : Pass<"effattn-raise-hourglass"> {
  let summary = "recognise narrow residual blocks";
  let description = [{
    `x + gated_ffn(rms_norm(x))` in f32 becomes an hourglass_ffn of one block,
    whose weights are views of the network's. In bf16 and f16 the block rounds
    in between, which hourglass_ffn does not: it is left alone, with a remark.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def FuseHourglassPass : Pass<"effattn-fuse-hourglass"> {
  let summary = "take rows through a chain of hourglasses in the cache";
  let description = [{
    hourglass_ffn of hourglass_ffn becomes a parallel loop over tiles of rows
    that go through the whole chain before the next tile does. Values do not
    change.

    Runs after `effattn-insert-checks`, whose checks cannot stand in parallel
    loops.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def TileContractionsPass : Pass<"effattn-tile-contractions"> {
  let summary = "multiply matrices tile by tile, along their memory";
  let description = [{
    A linalg op that is a contraction on tensors becomes a parallel loop over
    tiles of a few rows by many columns, unless it stands in a parallel loop
    already. In a tile, a row of the second factor is added to every row of the
    result, so that the innermost loop is contiguous and vectorizes. Where both
    factors run along what is summed over (A times B transposed), elements are
    dot products, whose terms may be summed in any order. A product and its sum
    may be one instruction, without a rounding between.
  }];
  let options = [
    Option<"integersOnly", "integers-only", "bool", "false",
      "Leave products of floats that stand in no parallel loop to "
      "effattn-expand-contractions">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ExpandCopiesPass : Pass<"effattn-expand-copies"> {
  let summary = "turn copies of strided buffers into linalg";
  let description = [{
    `memref.copy` between buffers that are not both contiguous would become a
    call of MLIR's runner library; compiled objects need only libc.
  }];
  let options = [
    Option<"all", "all", "bool", "false",
      "Also those of contiguous buffers, which the host cannot copy where they "
      "are memory of a device">,
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def VerifyLoweredPass : Pass<"effattn-verify-lowered"> {
  let summary = "name every op of the dialect that survived the lowering, and why";
}

def TraceOpsPass : Pass<"effattn-trace-ops"> {
  let summary = "measure how long each op takes";
  let description = [{
    Puts `effattn.begin_span` before and `effattn.end_span` behind each op of the
    dialect or of linalg on tensors, and each parallel loop, that runs one after
    the other: in the function itself and in its sequential loops. The span of a
    loop is named after the ops in it, and so is an op of linalg that stands for
    one of arith or math on tensors. A zero that a product begins with is part of
    its span.

    What an op takes is computed from the sizes of its operands before the span
    begins. Of a loop that holds ops, a sequential loop adds it up over the
    iterations, with index arithmetic alone; where sizes hang on more than that,
    the span of the loop has no counts.

    Runs after all fusions, which it does not change, and before ops become
    others.
  }];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect",
    "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def LowerSpansPass : Pass<"effattn-lower-spans", "::mlir::ModuleOp"> {
  let summary = "turn the ends of spans into calls of the support code";
  let description = [{
    `effattn.begin_span` becomes a call that looks at the clock,
    `effattn.end_span` one that records the span, with its name and its place in
    the source as strings of the module.

    With `discard`, both are removed. On a GPU they would measure how long it
    takes to queue a kernel.
  }];
  let options = [Option<"discard", "discard", "bool", "false",
    "Remove spans in place of recording them">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect"];
}

def FuseProductTopKPass : Pass<"effattn-fuse-product-top-k"> {
  let summary = "search the best slots of a product softmax digit by digit";
  let description = [{
    Rewrites `top_k(product_softmax(x))` to `product_softmax_top_k(x)`: K
    prefixes a digit in place of P^U slots. Declines where the slot values have
    other uses, because they are computed anyway then.
  }];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect"];
}

def FuseAddressDecodePass : Pass<"effattn-fuse-address-decode"> {
  let summary = "join the search for slots and their cyclic shift";
  let description = [{
    Rewrites `product_softmax_top_k` followed by `cyclic_shift` on its indices
    to `address_decode`. Logits that were split into digits by
    `tensor.expand_shape` are taken as they were before; others are joined by
    `tensor.collapse_shape`. Declines where the indices have other uses, where
    digits or values per digit are dynamic or differ between the two ops, and
    where the weights are used before the positions exist.
  }];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect",
    "::mlir::tensor::TensorDialect"];
}

def FuseSeparatorCachePass : Pass<"effattn-fuse-separator-cache"> {
  let summary = "take a token through a separator cache in one op";
  let description = [{
    Rewrites a step of one token, `separator_cache_append`, `cache_attention`
    and `separator_cache_compact` in the order that `when` says, to
    `separator_cache_update`: a key head's entries are written, read and moved
    in one parallel loop in place of three, and where the compaction is written
    before an attention to the state that it changes, no copy of the cache is
    needed. Values do not change.

    Declines, with a remark, where the two are not equal for certain: several
    tokens, or a dynamic number of them, are compacted once here but one by one
    there; with `lengths` a row without a new token is compacted if it is due;
    the result of the attention has the type of its queries here, of the keys
    there. And where the state in between has other uses, or the next one is
    used before the queries exist.
  }];
  let dependentDialects = ["::mlir::effattn::EffAttnDialect",
    "::mlir::tensor::TensorDialect"];
}

#endif // EFFATTN_TRANSFORMS_PASSES
