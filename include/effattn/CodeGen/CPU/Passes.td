//===- Passes.td - Tuned expansions for CPUs -----------------------------===//
#ifndef EFFATTN_CODEGEN_CPU_PASSES
#define EFFATTN_CODEGEN_CPU_PASSES

include "mlir/Pass/PassBase.td"

/// What an expansion must know of the CPU; CpuModel.h.
class EffAttn_ExpansionPass<string flag> : Pass<flag> {
  list<Option> cpuOptions = [
    Option<"vectorBits", "vector-bits", "int64_t", "128",
      "Width of a vector register in bits">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "16",
      "Number of vector registers">,
    Option<"byteDots", "byte-dots", "bool", "false",
      "Whether one instruction sums products of bytes (VNNI)">,
    Option<"shortDots", "short-dots", "bool", "false",
      "Whether one instruction sums products of two pairs of bytes in 16 bits, "
      "and one of two pairs of 16-bit integers (AVX2, AVX512BW)">,
    Option<"pairDots", "pair-dots", "bool", "false",
      "Whether one instruction sums products of pairs of bf16 numbers, as fast "
      "as one multiplies f32 numbers">,
    ListOption<"tiling", "tiling", "std::string",
      "Sizes of caches and blocks, as NAME:NUMBER, where the cost model is not "
      "to choose">,
  ];
  let options = cpuOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def OutlineKernelsPass : Pass<"effattn-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "expand ops that are equal in one place";
  let description = [{
    An expansion is some thousand instructions, and a model has the same op in
    every layer. Ops on memrefs that an expansion takes (attention, address
    memory, products with quantised tables or packed factors, product softmax,
    contractions of floats with the zeros that they start from) and that are equal but for the
    values of their operands become calls of one private function, named after
    the op, which holds the op: `effattn_kernel_matmul_0`. An op that has no
    equal stays where it is, and so do ops inside of parallel loops.

    Equal are ops of the same element types, static sizes, attributes and
    regions, whose memory has contiguous rows or not; scalar operands that are
    constants move into the function. It returns an i32 status, after which
    `effattn-lower-checks` branches, so that an error inside is one of the
    caller. LLVM may not inline it again.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect"];
}

def OutlineLoopsPass : Pass<"effattn-outline-loops", "::mlir::ModuleOp"> {
  let summary = "make functions of large parallel loops, where there are no threads";
  let description = [{
    With OpenMP, a parallel loop becomes a function, whose registers are assigned
    without those of other loops. The pass does the same for threads that are
    not there: an outermost `scf.parallel` of many ops, which is worth a call,
    becomes one of a private function that holds it, `effattn.NAME.loop` for a
    loop of function `NAME`. Attention takes up to 25 % longer without. The
    function returns an i32 status, as those of `effattn-outline-kernels` do.
  }];
  let options = [Option<"leastOps", "least-ops", "int64_t", /*default=*/"128",
    "Ops that a loop has at least to become a function">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect"];
}

def ShareLoopsPass : Pass<"effattn-share-loops", "::mlir::ModuleOp"> {
  let summary = "give every thread its iterations of a parallel loop";
  let description = [{
    An `scf.parallel` without reductions becomes an `omp.parallel` region in
    which each thread runs neighbouring iterations, as many as any other or one
    more. The thread finds out itself which: there is nothing to ask the runtime
    for but two numbers, and nothing to wait for but the end of the region,
    where `omp.wsloop` waits before it, too. With LLVM's libomp a loop of four
    iterations takes 0.4 us in place of 0.8 on two threads, and 0.1 in place of
    0.3 on one. A loop of one iteration starts no threads.

    A loop with reductions is left to `convert-scf-to-openmp`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::omp::OpenMPDialect", "::mlir::scf::SCFDialect"];
}

def ExpandContractionsPass
    : EffAttn_ExpansionPass<"effattn-expand-contractions"> {
  let summary = "multiply matrices by blocks that fit registers and caches";
  let description = [{
    A linalg op on memrefs of floats that is a contraction becomes loops over
    vectors. Where factors have contiguous rows, the first is read where it
    lies, and of the second a panel, the columns of a tile of registers, is
    copied to where its rows follow each other; its scratch is at most 30
    panels, each an eighth of the second-level cache. Otherwise, and where the
    first factor is more than four times as large as that cache, blocks of both
    factors are copied into the order in which a tile of registers reads them
    (the scheme of BLIS), a slab of the summed dimension at a time; its scratch
    is one slab of each factor.
    A product of few rows is bound by reading its second factor, which is read
    once where it lies. Sums are f32; a result of another type is rounded once.
    Batches, transposed factors and several dimensions of rows are welcome.
    `effattn.packed_matmul` on memrefs becomes the same loops, but its second
    factor is read where it lies.
    Contractions inside of parallel loops are left as they are.

    Source: F. G. Van Zee and R. A. van de Geijn, BLIS: A Framework for Rapidly
    Instantiating BLAS Functionality, ACM TOMS 41(3), 2015.
  }];
}

def ExpandAttentionPass : EffAttn_ExpansionPass<"effattn-expand-attention"> {
  let summary = "attend tile by tile, over the keys that the mask leaves";
  let description = [{
    `effattn.attention` on memrefs becomes loops over vectors. A task takes some
    queries of a key head, of all heads that share it, and runs over tiles of
    keys with a softmax that is corrected as larger scores come. Its keys are
    the band that the mask names for these queries, and the mask's columns
    outside of it; scores of a tile are masked one by one only where the mask
    does not say that all queries keep all of its keys.

    Queries lie along vectors, so that keys and values are read where they lie,
    once for all queries of a task. Where a key head has 16 queries or fewer, as
    in decoding, keys and values lie along vectors instead, and are split over
    several tasks whose softmaxes are joined. There, with `pair-dots`, scores of
    bf16 queries and keys are sums of products of pairs, for which numbers below
    2^-126 count as 0; they are scaled afterwards. Weights and values stay f32.
    Scratch of a task: Q (D + E + 256) numbers for Q queries, and 16 bytes a key
    for the columns of the mask.

    Source: FlashAttention (arXiv 2205.14135); SepLLM (arXiv 2412.12094).
  }];
}

def ExpandAddressMemoryPass
    : EffAttn_ExpansionPass<"effattn-expand-address-memory"> {
  let summary = "write and read the slots of a memory by vectors";
  let description = [{
    `effattn.address_memory` on memrefs becomes loops over vectors: the rows of
    the batch in parallel, their tokens in order. The columns of a slot lie
    along vectors, and the sums over the slots that a token reads stay in
    registers. While a token is at work, the slots of the next one are asked for,
    both those that it will write and those that it will read: slots lie
    anywhere in a memory that may be far larger than the caches.

    A whole `gamma` of at most 16 is a product of factors. Scratch of a task:
    K + Kr numbers.

    Source: RAM-Net (arXiv 2602.11958), power decay moving average.
  }];
}

def ExpandConceptsPass : EffAttn_ExpansionPass<"effattn-expand-concepts"> {
  let summary = "gather the rows at concept boundaries by vectors";
  let description = [{
    `effattn.chunk` on memrefs becomes two loops. The first counts the
    boundaries before every block of 1024 tokens, rows of the batch in parallel;
    where too many are an error, that is checked then.
    In the second, blocks are gathered in parallel: a block lists its boundaries
    four at a time without a branch for each, because which tokens are kept
    cannot be foreseen, copies their rows by vectors, asking for rows ahead of
    their use, and clears a share of the rows past the count. Both look at the
    flags of 64 tokens as the bits of a word.

    Scratch: B (T / 1024 + 1) indices; 1028 indices of a task.

    Source: ConceptMoE (arXiv 2601.21420); H-Net (arXiv 2507.07955).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandEmbeddingsPass : EffAttn_ExpansionPass<"effattn-expand-embeddings"> {
  let summary = "look rows up in compressed tables by small products";
  let description = [{
    `effattn.lora_embedding` and `effattn.tensor_train_embedding` on memrefs
    become loops over vectors, some ids a task.

    The changes of 64 ids are a product of the numbers that the ids have in all
    domains, gathered into scratch of 64 Dn r numbers, with the directions. Its
    sums stay in registers until the rows of the table are added.

    A row of a tensor train is a chain of products, of the matrices that its
    digits choose, from left to right. Each has what was multiplied so far in
    scratch, and the last one writes the result.

    Source: LoRA (arXiv 2106.09685); TensorGPT (arXiv 2307.00526).
  }];
}

def ExpandQuantizedPass : EffAttn_ExpansionPass<"effattn-expand-quantized"> {
  let summary = "multiply by tables of 4 and 8 bits without unpacking them";
  let description = [{
    `effattn.quantized_matmul` on memrefs becomes loops over vectors that read
    the codes where they lie.

    Activations that are rounded to 8 bits stay integers where the CPU sums
    products of integers (`byte-dots` or `short-dots`) and the groups of columns
    are multiples of 32: a group of integer products is summed exactly, then
    scaled. For few rows of activations a row of the table at a time is
    multiplied by all of them; scratch is a copy of the activations in bytes.
    For many, a task copies some rows of the table into the order in which a
    tile of registers reads them, as bytes, or in 16 bits without `byte-dots`:
    scratch of a task is 256 (or fewer) rows of C such integers and of C / g
    scales.

    Otherwise rows of the table are decoded to f32 and multiplied as matrices
    are: 8 at a time in a task's scratch for few rows of activations; for many,
    2048 at a time, of which a slab of columns is in scratch.

    Source: effattn.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandFeedForwardPass
    : EffAttn_ExpansionPass<"effattn-expand-feed-forward"> {
  let summary = "run feed-forward layers as products of blocks";
  let description = [{
    `effattn.gated_ffn` and `effattn.hourglass_ffn` on memrefs become
    `linalg.matmul` of up to 512 rows at a time, for
    `effattn-expand-contractions`, and loops over vectors between them: norm,
    activation, residual. All products have operands of the same types where the
    weights do, so that `effattn-outline-kernels` makes one function of them.

    `effattn.moe_ffn` becomes the same for the tokens of one expert after the
    other, which are gathered, in the order that a counting sort of the choices
    gives. Scratch of that: two numbers a choice and two an expert.

    Of the hidden layer as many columns are computed at a time as lie in the
    second-level cache; they then are added up at once. Scratch: of each row of
    a block two rows in f32 (of an hourglass three), and 1.5 MiB of hidden
    columns, or 768 numbers a row where that is more.

    Source: GLU Variants Improve Transformer (arXiv 2002.05202); hourglass FFN
    (arXiv 2602.06471).
  }];
}

def ExpandFunctionsPass : EffAttn_ExpansionPass<"effattn-expand-functions"> {
  let summary = "compute tanh by arithmetic, which loops over vectors can have";
  let description = [{
    `math.tanh` of an f32 becomes an exponential by a polynomial, the same that
    tuned attention has, and near 0 a series. A loop that calls the C library
    takes elements one by one; LLVM makes vectors of one with arithmetic alone.
    Results are good to 5e-7 of their value.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ExpandProductSoftmaxPass
    : EffAttn_ExpansionPass<"effattn-expand-product-softmax"> {
  let summary = "search the best slots of a product of digits by vectors";
  let description = [{
    `effattn.product_softmax_top_k` on memrefs becomes loops over vectors. Of
    each digit the K best values are found, and the best prefixes are extended
    from pairs (i, j) of their and the digit's order with (i + 1)(j + 1) <= K
    only. `effattn.product_softmax` takes its exponentials from the same code,
    so that the values of both are the same.

    Where K is at most 32, as many rows as a vector has lanes are searched at a
    time, a row a lane: logits are transposed as they are read, and sorting
    networks, of numbers and indices in one f64, keep the best of K and K more.
    A few rows, and all where K is more, are searched one by one: a bound that
    at least K reach comes from the largest values of 2 K groups, what reaches
    it is gathered and put in order by comparing all pairs.

    Cost of a row: U P exponentials and two comparisons of each; then by lanes
    about (log K)^2 exchanges of two lanes for each of the P values of a digit;
    one by one about 2 K^2 comparisons a digit, 16 at a time, where K is at most
    64, and P log P where it is more. Scratch of a task: 5 K + 2 K ln K vectors;
    one by one 16 bytes for each of P values or of K ln K pairs, whichever are
    more, of 16 rows.

    Source: RAM-Net (arXiv 2602.11958), product softmax and its top-k;
    K. E. Batcher, Sorting networks and their applications, AFIPS 1968.
  }];
}

#endif // EFFATTN_CODEGEN_CPU_PASSES
