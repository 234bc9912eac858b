//===- Passes.td - Kernels for GPUs ---------------------------------------===//
#ifndef EFFATTN_CODEGEN_GPU_PASSES
#define EFFATTN_CODEGEN_GPU_PASSES

include "mlir/Pass/PassBase.td"

/// Of passes that make kernels of products.
def EffAttn_Tf32Option : Option<"tf32", "tf32", "bool", "false",
    "Multiply f32 on tensor cores, rounded to tf32">;

/// Makes kernels of ops on buffers whose blocks of threads work together.
class EffAttn_KernelBuilderPass<string flag> : Pass<flag> {
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

/// Makes kernels that copy tiles of matrices to shared memory.
class EffAttn_ProductKernelPass<string flag> : Pass<flag> {
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

def BuildAttentionKernelsPass
    : EffAttn_ProductKernelPass<"effattn-build-attention-kernels"> {
  let summary = "make kernels of attention, a block some queries";
  let description = [{
    `effattn.attention` on buffers becomes a launch in which each block attends
    from some queries of a key head to the keys that its mask leaves them, tile
    by tile, with a running softmax in f32. The query heads of a key head are
    one list with their rows, so that a tile of keys is read once for all.

    Heads of up to 256 numbers in f16 or bf16, of a static size, are multiplied
    on tensor cores; others as f32. With `tf32`, heads of up to 128 numbers in
    f32 are, too: queries, keys, values and weights are rounded to 10 bits
    behind the point, and sums are f32. Scattered keys of a mask are found by a
    kernel of their own before. Where there are too few queries to keep a GPU
    busy, blocks share their keys, and another kernel joins the parts.

    `effattn.systematic_attention` on buffers becomes an attention over both
    streams of values side by side. Products of queries with the table of
    relative keys are a product of matrices before it, whose numbers are added
    to the scores. For the table of relative values, keys nearer than its last
    distance leave their scores in memory, weights of the others are summed as
    values are, and a kernel multiplies these weights by the table. f32 is not
    rounded there.
  }];
  let options = [EffAttn_Tf32Option];
}

def BuildCacheKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-cache-kernels"> {
  let summary = "make kernels of caches, a warp an entry";
  let description = [{
    Ops on caches become launches.

    - `effattn.kv_cache_append` and `effattn.separator_cache_append`: a warp
      copies the key and the value of a token in a head.
    - `effattn.separator_cache_compact`: a block a row finds the separators that
      are kept by running sums over its threads, and blocks then move 32 columns
      of a head each, 64 entries at a time, which are all read before the first
      is written.
    - `effattn.cache_attention` becomes `effattn.attention`, which runs behind
      kernels that write turned queries and keys to memory of their own, if they
      turn by their slots. They are bf16 or f16 where tensor cores multiply
      them, else f32.
    - `effattn.separator_cache_update` becomes a loop of the host over rounds of
      these: in a round, every row takes its tokens up to its next compaction.

    Runs before `effattn-build-attention-kernels`.
  }];
}

def BuildConceptKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-concept-kernels"> {
  let summary = "make kernels of concepts, a thread a token or a column";
  let description = [{
    Boundaries are counted by blocks that have 128 tokens of a row each, and a
    block a row adds these counts up. With them,

    - `effattn.chunk` finds the place of every boundary by a running sum over
      the threads of a block, and a warp copies a row. Where rows may have more
      boundaries than fit, that is checked in between.
    - `effattn.boundary_count` takes the largest of the rows' counts.
    - `effattn.dechunk` finds what 128 tokens make of a moving average: a factor
      and a sum. A thread a column applies them one after the other, and blocks
      then walk their tokens again, each from the average in front of them.

    `effattn.boundary_probability` becomes a launch in which a warp has a token
    and adds up products in f64, and `effattn.ratio_loss` sums of 1024 tokens by
    a warp, which another one adds up.
  }];
}

def BuildMemoryKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-memory-kernels"> {
  let summary = "make kernels of memories, a warp a slot or a code";
  let description = [{
    `effattn.address_memory` on buffers becomes a launch of a block a row of the
    batch. The lowest bits of a slot say which warp it belongs to. Every warp
    walks the writes and reads of all tokens in order, 32 at a time, and applies
    those of its own slots, its lanes being the columns, so that nothing is
    written by two threads and sums do not depend on the order of threads. What
    reads find is kept for up to 32 tokens and then added up by all warps, in
    the order of the reads.

    `effattn.vector_quantize` becomes a launch in which a block has four vectors
    and a group. Its warps share the codes; lanes add up neighbouring columns in
    f64, in one order for all codes, so that ties stay ties.

    Lookups in tables become launches in which a warp has an id and some of its
    columns, neighbouring lanes neighbouring ones:

    - `effattn.embedding`: a warp copies a row, 16 bytes a lane where sizes are
      known to allow it.
    - `effattn.split_embedding` and `effattn.quantized_embedding`: a warp has
      128 columns, each the sum of its parts.
    - `effattn.lora_embedding`: the numbers of all ids and domains are gathered,
      times the weights of the domains, and then multiplied by the directions.
    - `effattn.tensor_train_embedding`: a launch a core, which appends it to the
      products of 4096 ids at a time.
  }];
}

def BuildNormKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-norm-kernels"> {
  let summary = "make kernels of norms, a warp a row";
  let description = [{
    `effattn.rms_norm` and `effattn.layer_norm` on buffers become a launch of
    which each warp takes a row: its lanes add up neighbouring columns in f64
    and exchange their sums by shuffles. A row is read from memory once for its
    sums (twice for `layer_norm`) and once to be scaled.
  }];
}

def BuildProductKernelsPass
    : EffAttn_ProductKernelPass<"effattn-build-product-kernels"> {
  let summary = "make kernels of products of matrices, a tile a block";
  let description = [{
    Linalg contractions of f32, bf16 and f16 on buffers, outside of parallel
    loops, become launches. Sums are f32.

    - A block makes a tile of the result: it copies tiles of both factors to a
      ring in shared memory while it multiplies those before them.
    - Tensor cores multiply bf16 or f16 by the same type. Beside f32 on the left
      side, both sides are split into parts of bf16 that lose nothing: three
      products for bf16, five for f16. Rows that begin at multiples of 16 bytes
      are copied without registers.
    - With `tf32`, tensor cores multiply f32 by f32, both rounded to 10 bits
      behind the point.
    - Everything else is multiplied in f32, 8 rows by 8 columns by each thread.
    - Up to 8 rows are bound by reading the right factor. If its columns lie
      side by side, a thread adds up a column, at the depths of its warp;
      otherwise a warp does.

    - Where there are few tiles and a large depth, blocks take parts of the
      depth, and another kernel adds up their sums, always in the same order.

    Which it is, and how large the tiles are, is decided at run time where sizes
    are dynamic.
  }];
  let options = [EffAttn_Tf32Option];
}

def BuildProductSoftmaxKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-product-softmax-kernels"> {
  let summary = "make kernels of slots of digits, all or the best";
  let description = [{
    `effattn.product_softmax_top_k` on buffers becomes a launch of which each
    warp takes a row and extends the best prefixes digit by digit: a lane has a
    value of the digit and looks at all prefixes, and the best are kept as
    `effattn-build-top-k-kernels` keeps them. Prefixes are in shared memory, or
    in a buffer where more than 512 are kept.

    `effattn.product_softmax` becomes a launch in which each warp computes the
    probabilities of a digit, and a parallel loop that multiplies them, an
    iteration a slot.
  }];
}

def BuildQuantizedKernelsPass
    : EffAttn_ProductKernelPass<"effattn-build-quantized-kernels"> {
  let summary = "make kernels of products with tables of 4 and 8 bits";
  let description = [{
    `effattn.quantized_matmul` on buffers becomes launches that read the codes
    where they lie and never write a decoded table. Codes out of their range are
    noted as they are read, and checked behind the product.

    Where groups are whole chunks of 32 columns and rows of codes begin at
    multiples of 16 bytes:

    - Up to 8 rows are bound by reading the table. A warp takes a row of it at a
      time, a lane 32 columns, whose codes it loads 16 bytes at a time. Rounded
      activations are bytes, multiplied four at a time.
    - Tensor cores multiply more rows: codes are numbers of bf16 or f16 in
      shared memory, or bytes beside rounded activations, and the sums of each
      group are scaled in f32.

    All others are products like those of `effattn-build-product-kernels` in f32
    whose right factor is decoded number by number.
  }];
}

def BuildRotaryKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-rotary-kernels"> {
  let summary = "make kernels of rotary positions, a warp a row";
  let description = [{
    `effattn.rotary_embedding` on buffers becomes two launches: one computes the
    cosines and sines of all positions, from angles in f64, and in the other a
    warp turns a row of a head.
  }];
}

def BuildTopKKernelsPass
    : EffAttn_KernelBuilderPass<"effattn-build-top-k-kernels"> {
  let summary = "make kernels of top-k, a warp a row";
  let description = [{
    `effattn.top_k` on buffers becomes a launch of which each warp takes a row.
    It keeps the best so far in order in its registers, up to 256 of them: value
    and index as one integer. Every lane has a candidate; where one is better
    than the last that is kept, the candidates are sorted and merged into the
    list by shuffles. More than 256 are found in several turns, and more than
    1024 by sorting the row with parallel loops.

    Rows that are long and few are searched in parts, whose lists a second
    launch merges.
  }];
}

def BuildFeedForwardKernelsPass
    : EffAttn_ProductKernelPass<"effattn-build-feed-forward-kernels"> {
  let summary = "make kernels of feed-forward layers";
  let description = [{
    `effattn.gated_ffn` on buffers becomes two products like those of
    `effattn-build-product-kernels`: one by both `gate` and `up`, which writes
    the hidden layer in f32, activated and gated, and one by `down`.
    `effattn.hourglass_ffn` becomes the same for each of its blocks, behind a
    norm; its rows are carried in f32, to which the second product adds.
    `effattn.moe_ffn` becomes the same for tiles of choices of one expert: counted
    and sorted by parallel loops, multiplied as batches, and added up by token.

    bf16 and f16 go to tensor cores. The hidden layer is split into two parts of
    bf16, as results are rounded to no more bits, or into three for f32. With
    `tf32`, layers of f32 go to tensor cores, too, rounded as
    `effattn-build-product-kernels` rounds; the logits of `effattn.moe_route`,
    by which experts are chosen, do not.

    `effattn.moe_route` becomes such a product for the logits; a launch in which
    a warp a token makes probabilities of its logits, finds the best as
    `effattn-build-top-k-kernels` does, and counts the choices of each expert by
    atomic additions of integers; and two for the load balance: blocks add up
    the probabilities of 256 tokens each in f64, and one block these sums.
  }];
  let options = [EffAttn_Tf32Option];
}

def SumInRegistersPass : Pass<"effattn-sum-in-registers"> {
  let summary = "keep an element that a loop adds to in a register";
  let description = [{
    Of a loop every step of which loads an element of a buffer and stores it
    again, and which touches that buffer nowhere else, the element is loaded
    before the loop and stored behind it, if the loop runs at all. Sums of bf16
    or f16 are f32 on the way, and so are products that are added.

    A thread of a GPU that makes an element of a product has its sum in a
    register so, and rounds it once.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def LaunchKernelsPass : Pass<"effattn-launch-kernels", "::mlir::ModuleOp"> {
  let summary = "divide functions into what the host and what the device does";
  let description = [{
    Buffers of a function are memory of the device, which the host cannot read.
    What touches them becomes kernels in one `gpu.module`; sizes, views,
    allocations and loops around kernels stay on the host.

    - A parallel loop becomes a kernel whose threads each take an iteration and
      then the next one that no thread has. Loops inside of it are sequential.
      Memory that an iteration allocates is allocated by the host, for as many
      threads as 64 MiB of it serve.
    - Loads, stores and sequential loops without a parallel loop inside become
      a kernel of one thread, together with their neighbours.
    - A scalar that the host needs (the bound of a loop around kernels, the size
      of an allocation) is read back, after everything launched before it.
    - A check inside of a kernel records its number and its arguments where no
      earlier failure is recorded. Kernels do nothing once there is one. Before
      the host reads a scalar back and before the function ends, it looks at the
      record and fails as the check would have.
    - A loop that only loads and checks, and carries nothing from one iteration
      to the next, becomes two kernels: all threads look and an atomic minimum
      notes the first iteration that fails, which one thread then repeats to
      record it. A loop inside whose bound only its iteration knows is shared
      out among threads.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def LowerLaunchesPass : Pass<"effattn-lower-launches", "::mlir::ModuleOp"> {
  let summary = "launch kernels through the runtime";
  let description = [{
    `gpu.launch_func` becomes a call of `effattn_device_launch` with an array of
    pointers to the arguments, and `gpu.memcpy` to the stack of the host one of
    `effattn_device_read`. Both return a status, after which
    `effattn-lower-checks` branches. A kernel is known by a global
    `effattn_kernel_<name>`, which whoever compiles the kernels defines.
    Runs while buffers are memrefs still.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect"];
}

def EmulateKernelsPass : Pass<"effattn-emulate-kernels", "::mlir::ModuleOp"> {
  let summary = "run kernels on the host";
  let description = [{
    The functions of `gpu.module`s, in the LLVM and NVVM dialects as they go to
    the NVPTX backend, become functions of the host: what a thread of a GPU asks
    its hardware for (its number, other threads, products of matrices) becomes a
    call of the emulator of lib/Runtime/Emulator, which has the shared memory,
    too. What it has no function for is an error that names the op. With
    `check-memory` every load and store asks it before whether that memory
    may be touched, naming its place in the source.
  }];
  let options = [
    Option<"checkMemory", "check-memory", "bool", "true",
      "Look for accesses out of bounds and for races">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // EFFATTN_CODEGEN_GPU_PASSES
