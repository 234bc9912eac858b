// A small language model of all five systems that reads a text of any length in constant memory.
//
// 1. Embeddings: a table of rows of 4 and 8 bits with a residual, which is also the output head.
// 2. Attention over the first tokens, the newest separators and a window (SepLLM, arXiv 2412.12094).
// 3. A memory of constant size (RAM-Net, arXiv 2602.11958).
// 4. Concepts: experts run only where the hidden state turns (ConceptMoE, arXiv 2601.21420).
// 5. A deep and narrow feed-forward part (Hourglass, arXiv 2602.06471).
//
// A call takes T tokens, one or many, of which row b has `lengths[b]`, at their `positions`; any split
// gives the same. It gives the most probable next `tokens` after each, with their `logits`. All other
// inputs before `embedding_codes4` are the state, zeros at the start, and succeeded by `next_...`;
// `started` says which rows have had a token. B rows, N entries of the cache.
//
// Written by `python five_systems.py`.

func.func @five_systems(
    %ids: tensor<?x?xi32> {effattn.name = "ids", effattn.shape = "B T"},
    %positions: tensor<?x?xi64> {effattn.name = "positions", effattn.shape = "B T"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %started: tensor<?xi1> {effattn.name = "started", effattn.shape = "B"},
    %keys: tensor<?x2x?x8xf32> {effattn.name = "keys", effattn.shape = "B 2 N 8"},
    %values: tensor<?x2x?x8xf32> {effattn.name = "values", effattn.shape = "B 2 N 8"},
    %flags: tensor<?x?xi1> {effattn.name = "flags", effattn.shape = "B N"},
    %length: tensor<?xi32> {effattn.name = "length", effattn.shape = "B"},
    %separator_end: tensor<?xi32> {effattn.name = "separator_end", effattn.shape = "B"},
    %memory: tensor<?x64x16xf32> {effattn.name = "memory", effattn.shape = "B 64 16"},
    %mass: tensor<?x64xf32> {effattn.name = "mass", effattn.shape = "B 64"},
    %last: tensor<?x32xf32> {effattn.name = "last", effattn.shape = "B 32"},
    %average: tensor<?x32xf32> {effattn.name = "average", effattn.shape = "B 32"},
    %embedding_codes4: tensor<140x16xi8> {effattn.name = "embedding_codes4", effattn.shape = "140 16"},
    %embedding_codes8: tensor<60x32xi8> {effattn.name = "embedding_codes8", effattn.shape = "60 32"},
    %embedding_row_kind: tensor<200xi1> {effattn.name = "embedding_row_kind", effattn.shape = "200"},
    %embedding_row_index: tensor<200xi32> {effattn.name = "embedding_row_index", effattn.shape = "200"},
    %embedding_scales: tensor<200x4xf32> {effattn.name = "embedding_scales", effattn.shape = "200 4"},
    %embedding_residual_codes: tensor<200x16xi8> {effattn.name = "embedding_residual_codes", effattn.shape = "200 16"},
    %embedding_residual_scales: tensor<200x4xf32> {effattn.name = "embedding_residual_scales", effattn.shape = "200 4"},
    %attention_norm: tensor<32xf32> {effattn.name = "attention_norm", effattn.shape = "32"},
    %attention_to_query: tensor<32x32xf32> {effattn.name = "attention_to_query", effattn.shape = "32 32"},
    %attention_to_key: tensor<32x16xf32> {effattn.name = "attention_to_key", effattn.shape = "32 16"},
    %attention_to_value: tensor<32x16xf32> {effattn.name = "attention_to_value", effattn.shape = "32 16"},
    %attention_to_output: tensor<32x32xf32> {effattn.name = "attention_to_output", effattn.shape = "32 32"},
    %memory_norm: tensor<32xf32> {effattn.name = "memory_norm", effattn.shape = "32"},
    %memory_to_write: tensor<32x12xf32> {effattn.name = "memory_to_write", effattn.shape = "32 12"},
    %memory_to_read: tensor<32x12xf32> {effattn.name = "memory_to_read", effattn.shape = "32 12"},
    %memory_to_value: tensor<32x16xf32> {effattn.name = "memory_to_value", effattn.shape = "32 16"},
    %memory_to_output: tensor<16x32xf32> {effattn.name = "memory_to_output", effattn.shape = "16 32"},
    %concept_boundary_query: tensor<32x32xf32> {effattn.name = "concept_boundary_query", effattn.shape = "32 32"},
    %concept_boundary_key: tensor<32x32xf32> {effattn.name = "concept_boundary_key", effattn.shape = "32 32"},
    %concept_norm: tensor<32xf32> {effattn.name = "concept_norm", effattn.shape = "32"},
    %concept_router: tensor<32x4xf32> {effattn.name = "concept_router", effattn.shape = "32 4"},
    %concept_gate: tensor<4x32x48xf32> {effattn.name = "concept_gate", effattn.shape = "4 32 48"},
    %concept_up: tensor<4x32x48xf32> {effattn.name = "concept_up", effattn.shape = "4 32 48"},
    %concept_down: tensor<4x48x32xf32> {effattn.name = "concept_down", effattn.shape = "4 48 32"},
    %ffn_norm: tensor<3x32xf32> {effattn.name = "ffn_norm", effattn.shape = "3 32"},
    %ffn_gate: tensor<3x32x16xf32> {effattn.name = "ffn_gate", effattn.shape = "3 32 16"},
    %ffn_up: tensor<3x32x16xf32> {effattn.name = "ffn_up", effattn.shape = "3 32 16"},
    %ffn_down: tensor<3x16x32xf32> {effattn.name = "ffn_down", effattn.shape = "3 16 32"},
    %head_norm: tensor<32xf32> {effattn.name = "head_norm", effattn.shape = "32"})
    -> (tensor<?x?x4xi32> {effattn.name = "tokens", effattn.shape = "B T 4"},
        tensor<?x?x4xf32> {effattn.name = "logits", effattn.shape = "B T 4"},
        tensor<?x2x?x8xf32> {effattn.name = "next_keys", effattn.shape = "B 2 N 8"},
        tensor<?x2x?x8xf32> {effattn.name = "next_values", effattn.shape = "B 2 N 8"},
        tensor<?x?xi1> {effattn.name = "next_flags", effattn.shape = "B N"},
        tensor<?xi32> {effattn.name = "next_length", effattn.shape = "B"},
        tensor<?xi32> {effattn.name = "next_separator_end", effattn.shape = "B"},
        tensor<?x64x16xf32> {effattn.name = "next_memory", effattn.shape = "B 64 16"},
        tensor<?x64xf32> {effattn.name = "next_mass", effattn.shape = "B 64"},
        tensor<?x32xf32> {effattn.name = "next_last", effattn.shape = "B 32"},
        tensor<?x32xf32> {effattn.name = "next_average", effattn.shape = "B 32"}) {
  // 1. Embeddings.
  %c0 = arith.constant 0 : index
  %B = tensor.dim %ids, %c0 : tensor<?x?xi32>
  %c1 = arith.constant 1 : index
  %T = tensor.dim %ids, %c1 : tensor<?x?xi32>
  %init = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out = effattn.quantized_embedding
      ins(%ids, %embedding_codes4, %embedding_codes8, %embedding_row_kind, %embedding_row_index, %embedding_scales
          : tensor<?x?xi32>, tensor<140x16xi8>, tensor<60x32xi8>, tensor<200xi1>, tensor<200xi32>, tensor<200x4xf32>)
      residual(%embedding_residual_codes, %embedding_residual_scales
          : tensor<200x16xi8>, tensor<200x4xf32>) outs(%init : tensor<?x?x32xf32>)

  // 2. Attention over what the cache keeps.
  %init_1 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_1 = effattn.rms_norm ins(%out, %attention_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_1 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_2 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_2 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_3 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose = linalg.transpose ins(%reshape : tensor<?x?x4x8xf32>) outs(%init_3 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_4 = tensor.empty(%B, %T) : tensor<?x?x16xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_4 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_key : tensor<?x?x32xf32>, tensor<32x16xf32>)
      outs(%zeros_1 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %reshape_1 = tensor.expand_shape %matmul_1 [[0], [1], [2, 3]] output_shape [%B, %T, 2, 8] : tensor<?x?x16xf32> into tensor<?x?x2x8xf32>
  %init_5 = tensor.empty(%B, %T) : tensor<?x2x?x8xf32>
  %transpose_1 = linalg.transpose ins(%reshape_1 : tensor<?x?x2x8xf32>) outs(%init_5 : tensor<?x2x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_6 = tensor.empty(%B, %T) : tensor<?x?x16xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_6 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_value : tensor<?x?x32xf32>, tensor<32x16xf32>)
      outs(%zeros_2 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %reshape_2 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%B, %T, 2, 8] : tensor<?x?x16xf32> into tensor<?x?x2x8xf32>
  %init_7 = tensor.empty(%B, %T) : tensor<?x2x?x8xf32>
  %transpose_2 = linalg.transpose ins(%reshape_2 : tensor<?x?x2x8xf32>) outs(%init_7 : tensor<?x2x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_8 = tensor.empty(%B, %T) : tensor<?x?xi1>
  %is_separator = effattn.separator_positions ins(%ids : tensor<?x?xi32>)
      outs(%init_8 : tensor<?x?xi1>) {separators = array<i64: 11, 13, 30, 198>}
  %init_9 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %keys_1, %values_1, %state_flags, %length_1, %separator_end_1, %out_2 = effattn.separator_cache_update
      ins(%transpose_1, %transpose_2, %is_separator
          : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x?xi1>)
      q(%transpose : tensor<?x4x?x8xf32>) lengths(%lengths : tensor<?xi32>)
      outs(%keys, %values, %flags, %length, %separator_end, %init_9
          : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x8xf32>)
      {initial = 2, separators = 4, window = 6, capacity = 16, when = #effattn.when<after_attention>, prefill = #effattn.prefill<stepwise>, positions = #effattn.positions<slot>, rope_base = 10000.0, rope_layout = #effattn.rope_layout<half>}
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x4x8xf32>
  %transpose_3 = linalg.transpose ins(%out_2 : tensor<?x4x?x8xf32>) outs(%init_10 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_3 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_11 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_11 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_3, %attention_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_12 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out, %matmul_3 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_12 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>

  // 3. Memory.

  // Where a token writes.
  %init_13 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_3 = effattn.rms_norm ins(%add, %memory_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_13 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_14 = tensor.empty(%B, %T) : tensor<?x?x12xf32>
  %zeros_4 = linalg.fill ins(%zero : f32) outs(%init_14 : tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %matmul_4 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_3, %memory_to_write : tensor<?x?x32xf32>, tensor<32x12xf32>)
      outs(%zeros_4 : tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %init_15 = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %init_16 = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %weights, %indices = effattn.address_decode ins(%matmul_4 : tensor<?x?x12xf32>)
      positions(%positions : tensor<?x?xi64>)
      outs(%init_15, %init_16 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}

  // Where it reads.
  %init_17 = tensor.empty(%B, %T) : tensor<?x?x12xf32>
  %zeros_5 = linalg.fill ins(%zero : f32) outs(%init_17 : tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %matmul_5 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_3, %memory_to_read : tensor<?x?x32xf32>, tensor<32x12xf32>)
      outs(%zeros_5 : tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %init_18 = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %init_19 = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %weights_1, %indices_1 = effattn.address_decode ins(%matmul_5 : tensor<?x?x12xf32>)
      positions(%positions : tensor<?x?xi64>)
      outs(%init_18, %init_19 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}

  // Values move to the memory, and averages of them back.
  %init_20 = tensor.empty(%B, %T) : tensor<?x?x16xf32>
  %zeros_6 = linalg.fill ins(%zero : f32) outs(%init_20 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %matmul_6 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_3, %memory_to_value : tensor<?x?x32xf32>, tensor<32x16xf32>)
      outs(%zeros_6 : tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
  %init_21 = tensor.empty(%B, %T) : tensor<?x?x16xf32>
  %out_4, %memory_1, %mass_1 = effattn.address_memory
      ins(%weights, %indices, %matmul_6, %weights_1, %indices_1
          : tensor<?x?x4xf32>, tensor<?x?x4xi32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      lengths(%lengths : tensor<?xi32>)
      outs(%init_21, %memory, %mass : tensor<?x?x16xf32>, tensor<?x64x16xf32>, tensor<?x64xf32>)
      {gamma = 1.0, epsilon = 1.0e-06}
  %init_22 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_7 = linalg.fill ins(%zero : f32) outs(%init_22 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_7 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_4, %memory_to_output : tensor<?x?x16xf32>, tensor<16x32xf32>)
      outs(%zeros_7 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_23 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add, %matmul_7 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_23 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>

  // 4. Concepts.
  %init_24 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_8 = linalg.fill ins(%zero : f32) outs(%init_24 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_8 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_1, %concept_boundary_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_8 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_25 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_9 = linalg.fill ins(%zero : f32) outs(%init_25 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_9 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_1, %concept_boundary_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_9 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_26 = tensor.empty(%B, %T) : tensor<?x?xf32>
  %p, %last_1 = effattn.boundary_probability resume
      ins(%matmul_8, %matmul_9 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      started(%started : tensor<?xi1>) lengths(%lengths : tensor<?xi32>)
      outs(%init_26, %last : tensor<?x?xf32>, tensor<?x32xf32>)
      {pairing = #effattn.pairing<current_query>}
  %init_27 = tensor.empty(%B, %T) : tensor<?x?xi1>
  %mask = effattn.boundary_mask ins(%p : tensor<?x?xf32>) outs(%init_27 : tensor<?x?xi1>)
      {threshold = 0.5, strict = false}
  %init_28 = tensor.empty(%B) : tensor<?xi32>
  %init_29 = tensor.empty() : tensor<i32>
  %counts, %largest = effattn.boundary_count ins(%mask : tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>) outs(%init_28, %init_29 : tensor<?xi32>, tensor<i32>)
  %item = tensor.extract %largest[] : tensor<i32>
  %N = arith.index_cast %item : i32 to index
  %init_30 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %init_31 = tensor.empty(%B) : tensor<?xi32>
  %concepts, %counts_1 = effattn.chunk ins(%add_1, %mask : tensor<?x?x32xf32>, tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>) outs(%init_30, %init_31 : tensor<?x?x32xf32>, tensor<?xi32>)
      {overflow = #effattn.overflow<error>}
  %init_32 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_5 = effattn.rms_norm ins(%concepts, %concept_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_32 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_33 = tensor.empty(%B, %N) : tensor<?x?x2xf32>
  %init_34 = tensor.empty(%B, %N) : tensor<?x?x2xi32>
  %init_35 = tensor.empty() : tensor<f32>
  %gates, %experts, %load_balance = effattn.moe_route
      ins(%out_5, %concept_router : tensor<?x?x32xf32>, tensor<32x4xf32>)
      outs(%init_33, %init_34, %init_35 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_36 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_6 = effattn.moe_ffn
      ins(%out_5, %gates, %experts, %concept_gate, %concept_up, %concept_down
          : tensor<?x?x32xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<4x32x48xf32>, tensor<4x32x48xf32>, tensor<4x48x32xf32>)
      outs(%init_36 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>}
  %init_37 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %add_2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%concepts, %out_6 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_37 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_38 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_7, %state = effattn.dechunk resume
      ins(%add_2, %p, %mask : tensor<?x?x32xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      residual(%add_1 : tensor<?x?x32xf32>) lengths(%lengths : tensor<?xi32>)
      outs(%init_38, %average : tensor<?x?x32xf32>, tensor<?x32xf32>) {epsilon = 0.0}

  // 5. Feed-forward.
  %init_39 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_8 = effattn.hourglass_ffn
      ins(%out_7, %ffn_norm, %ffn_gate, %ffn_up, %ffn_down
          : tensor<?x?x32xf32>, tensor<3x32xf32>, tensor<3x32x16xf32>, tensor<3x32x16xf32>, tensor<3x16x32xf32>)
      outs(%init_39 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}

  // The table again, as the output head.
  %init_40 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_9 = effattn.rms_norm ins(%out_8, %head_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_40 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_41 = tensor.empty(%B, %T) : tensor<?x?x200xf32>
  %out_10 = effattn.quantized_matmul
      ins(%out_9, %embedding_codes4, %embedding_codes8, %embedding_row_kind, %embedding_row_index, %embedding_scales
          : tensor<?x?x32xf32>, tensor<140x16xi8>, tensor<60x32xi8>, tensor<200xi1>, tensor<200xi32>, tensor<200x4xf32>)
      residual(%embedding_residual_codes, %embedding_residual_scales
          : tensor<200x16xi8>, tensor<200x4xf32>) outs(%init_41 : tensor<?x?x200xf32>)
      {activation = #effattn.precision<f32>}
  %init_42 = tensor.empty(%B, %T) : tensor<?x?x4xf32>
  %init_43 = tensor.empty(%B, %T) : tensor<?x?x4xi32>
  %values_2, %indices_2 = effattn.top_k ins(%out_10 : tensor<?x?x200xf32>)
      outs(%init_42, %init_43 : tensor<?x?x4xf32>, tensor<?x?x4xi32>) {k = 4}
  return %indices_2, %values_2, %keys_1, %values_1, %state_flags, %length_1, %separator_end_1, %memory_1, %mass_1, %last_1, %state : tensor<?x?x4xi32>, tensor<?x?x4xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x64x16xf32>, tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
