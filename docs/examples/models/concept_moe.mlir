// A block that thinks in concepts (ConceptMoE, arXiv 2601.21420).
//
// A layer over the tokens, then those where the hidden state turns stand for concepts, which are fewer.
// The layers with experts run over concepts alone; every token receives the moving average of the
// concepts up to its own, on top of its hidden state. In the last layer queries, keys and values come
// from the token and its concept together (joint decoding).
//
// B rows, T tokens. `y` is 0 past `lengths`. `loss` draws the share of boundaries to 1 in `ratio`.
//
// Written by `python concept_moe.py`.

func.func @concept_moe(
    %x: tensor<?x?x32xf32> {effattn.name = "x", effattn.shape = "B T 32"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %encoder_norm: tensor<32xf32> {effattn.name = "encoder_norm", effattn.shape = "32"},
    %encoder_to_query: tensor<32x32xf32> {effattn.name = "encoder_to_query", effattn.shape = "32 32"},
    %encoder_to_key: tensor<32x32xf32> {effattn.name = "encoder_to_key", effattn.shape = "32 32"},
    %encoder_to_value: tensor<32x32xf32> {effattn.name = "encoder_to_value", effattn.shape = "32 32"},
    %encoder_to_output: tensor<32x32xf32> {effattn.name = "encoder_to_output", effattn.shape = "32 32"},
    %boundary_query: tensor<32x32xf32> {effattn.name = "boundary_query", effattn.shape = "32 32"},
    %boundary_key: tensor<32x32xf32> {effattn.name = "boundary_key", effattn.shape = "32 32"},
    %concept_0_attention_norm: tensor<32xf32> {effattn.name = "concept_0_attention_norm", effattn.shape = "32"},
    %concept_0_attention_to_query: tensor<32x32xf32> {effattn.name = "concept_0_attention_to_query", effattn.shape = "32 32"},
    %concept_0_attention_to_key: tensor<32x32xf32> {effattn.name = "concept_0_attention_to_key", effattn.shape = "32 32"},
    %concept_0_attention_to_value: tensor<32x32xf32> {effattn.name = "concept_0_attention_to_value", effattn.shape = "32 32"},
    %concept_0_attention_to_output: tensor<32x32xf32> {effattn.name = "concept_0_attention_to_output", effattn.shape = "32 32"},
    %concept_0_experts_norm: tensor<32xf32> {effattn.name = "concept_0_experts_norm", effattn.shape = "32"},
    %concept_0_experts_router: tensor<32x6xf32> {effattn.name = "concept_0_experts_router", effattn.shape = "32 6"},
    %concept_0_experts_gate: tensor<6x32x48xf32> {effattn.name = "concept_0_experts_gate", effattn.shape = "6 32 48"},
    %concept_0_experts_up: tensor<6x32x48xf32> {effattn.name = "concept_0_experts_up", effattn.shape = "6 32 48"},
    %concept_0_experts_down: tensor<6x48x32xf32> {effattn.name = "concept_0_experts_down", effattn.shape = "6 48 32"},
    %concept_1_attention_norm: tensor<32xf32> {effattn.name = "concept_1_attention_norm", effattn.shape = "32"},
    %concept_1_attention_to_query: tensor<32x32xf32> {effattn.name = "concept_1_attention_to_query", effattn.shape = "32 32"},
    %concept_1_attention_to_key: tensor<32x32xf32> {effattn.name = "concept_1_attention_to_key", effattn.shape = "32 32"},
    %concept_1_attention_to_value: tensor<32x32xf32> {effattn.name = "concept_1_attention_to_value", effattn.shape = "32 32"},
    %concept_1_attention_to_output: tensor<32x32xf32> {effattn.name = "concept_1_attention_to_output", effattn.shape = "32 32"},
    %concept_1_experts_norm: tensor<32xf32> {effattn.name = "concept_1_experts_norm", effattn.shape = "32"},
    %concept_1_experts_router: tensor<32x6xf32> {effattn.name = "concept_1_experts_router", effattn.shape = "32 6"},
    %concept_1_experts_gate: tensor<6x32x48xf32> {effattn.name = "concept_1_experts_gate", effattn.shape = "6 32 48"},
    %concept_1_experts_up: tensor<6x32x48xf32> {effattn.name = "concept_1_experts_up", effattn.shape = "6 32 48"},
    %concept_1_experts_down: tensor<6x48x32xf32> {effattn.name = "concept_1_experts_down", effattn.shape = "6 48 32"},
    %decoder_norm: tensor<32xf32> {effattn.name = "decoder_norm", effattn.shape = "32"},
    %decoder_to_query: tensor<32x32xf32> {effattn.name = "decoder_to_query", effattn.shape = "32 32"},
    %decoder_to_query_concept: tensor<32x32xf32> {effattn.name = "decoder_to_query_concept", effattn.shape = "32 32"},
    %decoder_to_key: tensor<32x32xf32> {effattn.name = "decoder_to_key", effattn.shape = "32 32"},
    %decoder_to_key_concept: tensor<32x32xf32> {effattn.name = "decoder_to_key_concept", effattn.shape = "32 32"},
    %decoder_to_value: tensor<32x32xf32> {effattn.name = "decoder_to_value", effattn.shape = "32 32"},
    %decoder_to_value_concept: tensor<32x32xf32> {effattn.name = "decoder_to_value_concept", effattn.shape = "32 32"},
    %decoder_to_output: tensor<32x32xf32> {effattn.name = "decoder_to_output", effattn.shape = "32 32"})
    -> (tensor<?x?x32xf32> {effattn.name = "y", effattn.shape = "B T 32"},
        tensor<f32> {effattn.name = "loss"}) {
  // Encoder.
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?x?x32xf32>
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c1 : tensor<?x?x32xf32>
  %init = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out = effattn.rms_norm ins(%x, %encoder_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_1 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_1 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %encoder_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_2 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose = linalg.transpose ins(%reshape : tensor<?x?x4x8xf32>) outs(%init_2 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_3 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %encoder_to_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_1 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_1 = tensor.expand_shape %matmul_1 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_4 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_1 = linalg.transpose ins(%reshape_1 : tensor<?x?x4x8xf32>) outs(%init_4 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_5 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_5 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %encoder_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_2 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_2 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_6 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_2 = linalg.transpose ins(%reshape_2 : tensor<?x?x4x8xf32>) outs(%init_6 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_7 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %out_1 = effattn.attention
      ins(%transpose, %transpose_1, %transpose_2
          : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>)
      lengths(%lengths : tensor<?xi32>) key_lengths(%lengths : tensor<?xi32>)
      outs(%init_7 : tensor<?x4x?x8xf32>) mask {
    %causal_mask = effattn.causal_mask
    effattn.yield %causal_mask : !effattn.mask
  }
  %init_8 = tensor.empty(%B, %T) : tensor<?x?x4x8xf32>
  %transpose_3 = linalg.transpose ins(%out_1 : tensor<?x4x?x8xf32>) outs(%init_8 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_3 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_9 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_9 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_3, %encoder_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %matmul_3 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_10 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>

  // A boundary is where the query of a token points away from the key before it.
  %init_11 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_4 = linalg.fill ins(%zero : f32) outs(%init_11 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_4 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add, %boundary_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_4 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_12 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_5 = linalg.fill ins(%zero : f32) outs(%init_12 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_5 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add, %boundary_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_5 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_13 = tensor.empty(%B, %T) : tensor<?x?xf32>
  %init_14 = tensor.empty(%B) : tensor<?x32xf32>
  %p, %last = effattn.boundary_probability
      ins(%matmul_4, %matmul_5 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      lengths(%lengths : tensor<?xi32>) outs(%init_13, %init_14 : tensor<?x?xf32>, tensor<?x32xf32>)
      {pairing = #effattn.pairing<current_query>}
  %init_15 = tensor.empty(%B, %T) : tensor<?x?xi1>
  %mask = effattn.boundary_mask ins(%p : tensor<?x?xf32>) outs(%init_15 : tensor<?x?xi1>)
      {threshold = 0.5, strict = false}
  %init_16 = tensor.empty(%B) : tensor<?xi32>
  %init_17 = tensor.empty() : tensor<i32>
  %counts, %largest = effattn.boundary_count ins(%mask : tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>) outs(%init_16, %init_17 : tensor<?xi32>, tensor<i32>)
  %item = tensor.extract %largest[] : tensor<i32>
  %N = arith.index_cast %item : i32 to index
  %init_18 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %init_19 = tensor.empty(%B) : tensor<?xi32>
  %concepts, %counts_1 = effattn.chunk ins(%add, %mask : tensor<?x?x32xf32>, tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>) outs(%init_18, %init_19 : tensor<?x?x32xf32>, tensor<?xi32>)
      {overflow = #effattn.overflow<error>}

  // The model of the concepts.
  %init_20 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_2 = effattn.rms_norm
      ins(%concepts, %concept_0_attention_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_20 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_21 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_6 = linalg.fill ins(%zero : f32) outs(%init_21 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_6 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_2, %concept_0_attention_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_6 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_4 = tensor.expand_shape %matmul_6 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_22 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_4 = linalg.transpose ins(%reshape_4 : tensor<?x?x4x8xf32>) outs(%init_22 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_23 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_7 = linalg.fill ins(%zero : f32) outs(%init_23 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_7 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_2, %concept_0_attention_to_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_7 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_5 = tensor.expand_shape %matmul_7 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_24 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_5 = linalg.transpose ins(%reshape_5 : tensor<?x?x4x8xf32>) outs(%init_24 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_25 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_8 = linalg.fill ins(%zero : f32) outs(%init_25 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_8 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_2, %concept_0_attention_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_8 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_6 = tensor.expand_shape %matmul_8 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_26 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_6 = linalg.transpose ins(%reshape_6 : tensor<?x?x4x8xf32>) outs(%init_26 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_27 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %out_3 = effattn.attention
      ins(%transpose_4, %transpose_5, %transpose_6
          : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%counts_1 : tensor<?xi32>)
      outs(%init_27 : tensor<?x4x?x8xf32>) mask {
    %causal_mask_1 = effattn.causal_mask
    effattn.yield %causal_mask_1 : !effattn.mask
  }
  %init_28 = tensor.empty(%B, %N) : tensor<?x?x4x8xf32>
  %transpose_7 = linalg.transpose ins(%out_3 : tensor<?x4x?x8xf32>) outs(%init_28 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_7 = tensor.collapse_shape %transpose_7 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_29 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_9 = linalg.fill ins(%zero : f32) outs(%init_29 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_9 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_7, %concept_0_attention_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_9 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_30 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%concepts, %matmul_9 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_30 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_31 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_4 = effattn.rms_norm ins(%add_1, %concept_0_experts_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_31 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_32 = tensor.empty(%B, %N) : tensor<?x?x2xf32>
  %init_33 = tensor.empty(%B, %N) : tensor<?x?x2xi32>
  %init_34 = tensor.empty() : tensor<f32>
  %gates, %experts, %load_balance = effattn.moe_route
      ins(%out_4, %concept_0_experts_router : tensor<?x?x32xf32>, tensor<32x6xf32>)
      outs(%init_32, %init_33, %init_34 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_35 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_5 = effattn.moe_ffn
      ins(%out_4, %gates, %experts, %concept_0_experts_gate, %concept_0_experts_up, %concept_0_experts_down
          : tensor<?x?x32xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<6x32x48xf32>, tensor<6x32x48xf32>, tensor<6x48x32xf32>)
      outs(%init_35 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>}
  %init_36 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %add_2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_1, %out_5 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_36 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_37 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_6 = effattn.rms_norm
      ins(%add_2, %concept_1_attention_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_37 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_38 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_10 = linalg.fill ins(%zero : f32) outs(%init_38 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_10 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_6, %concept_1_attention_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_10 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_8 = tensor.expand_shape %matmul_10 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_39 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_8 = linalg.transpose ins(%reshape_8 : tensor<?x?x4x8xf32>) outs(%init_39 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_40 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_11 = linalg.fill ins(%zero : f32) outs(%init_40 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_11 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_6, %concept_1_attention_to_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_11 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_9 = tensor.expand_shape %matmul_11 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_41 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_9 = linalg.transpose ins(%reshape_9 : tensor<?x?x4x8xf32>) outs(%init_41 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_42 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_12 = linalg.fill ins(%zero : f32) outs(%init_42 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_12 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_6, %concept_1_attention_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_12 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_10 = tensor.expand_shape %matmul_12 [[0], [1], [2, 3]] output_shape [%B, %N, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_43 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %transpose_10 = linalg.transpose ins(%reshape_10 : tensor<?x?x4x8xf32>) outs(%init_43 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_44 = tensor.empty(%B, %N) : tensor<?x4x?x8xf32>
  %out_7 = effattn.attention
      ins(%transpose_8, %transpose_9, %transpose_10
          : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%counts_1 : tensor<?xi32>)
      outs(%init_44 : tensor<?x4x?x8xf32>) mask {
    %causal_mask_2 = effattn.causal_mask
    effattn.yield %causal_mask_2 : !effattn.mask
  }
  %init_45 = tensor.empty(%B, %N) : tensor<?x?x4x8xf32>
  %transpose_11 = linalg.transpose ins(%out_7 : tensor<?x4x?x8xf32>) outs(%init_45 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_11 = tensor.collapse_shape %transpose_11 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_46 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %zeros_13 = linalg.fill ins(%zero : f32) outs(%init_46 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_13 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_11, %concept_1_attention_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_13 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_47 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %add_3 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_2, %matmul_13 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_47 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_48 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_8 = effattn.rms_norm ins(%add_3, %concept_1_experts_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_48 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_49 = tensor.empty(%B, %N) : tensor<?x?x2xf32>
  %init_50 = tensor.empty(%B, %N) : tensor<?x?x2xi32>
  %init_51 = tensor.empty() : tensor<f32>
  %gates_1, %experts_1, %load_balance_1 = effattn.moe_route
      ins(%out_8, %concept_1_experts_router : tensor<?x?x32xf32>, tensor<32x6xf32>)
      outs(%init_49, %init_50, %init_51 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_52 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %out_9 = effattn.moe_ffn
      ins(%out_8, %gates_1, %experts_1, %concept_1_experts_gate, %concept_1_experts_up, %concept_1_experts_down
          : tensor<?x?x32xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<6x32x48xf32>, tensor<6x32x48xf32>, tensor<6x48x32xf32>)
      outs(%init_52 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>}
  %init_53 = tensor.empty(%B, %N) : tensor<?x?x32xf32>
  %add_4 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_3, %out_9 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_53 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>

  // Back to tokens: z = h + e, and e by itself for the layer that decodes jointly.
  %init_54 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %init_55 = tensor.empty(%B) : tensor<?x32xf32>
  %out_10, %state = effattn.dechunk
      ins(%add_4, %p, %mask : tensor<?x?x32xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      residual(%add : tensor<?x?x32xf32>) lengths(%lengths : tensor<?xi32>)
      outs(%init_54, %init_55 : tensor<?x?x32xf32>, tensor<?x32xf32>) {epsilon = 0.0}
  %init_56 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %init_57 = tensor.empty(%B) : tensor<?x32xf32>
  %out_11, %state_1 = effattn.dechunk
      ins(%add_4, %p, %mask : tensor<?x?x32xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>)
      outs(%init_56, %init_57 : tensor<?x?x32xf32>, tensor<?x32xf32>) {epsilon = 0.0}
  %init_58 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_12 = effattn.rms_norm ins(%out_10, %decoder_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_58 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_59 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_14 = linalg.fill ins(%zero : f32) outs(%init_59 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_14 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_12, %decoder_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_14 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_60 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_15 = linalg.fill ins(%zero : f32) outs(%init_60 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_15 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %decoder_to_query_concept : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_15 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_61 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_5 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_14, %matmul_15 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_61 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %reshape_12 = tensor.expand_shape %add_5 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_62 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_12 = linalg.transpose ins(%reshape_12 : tensor<?x?x4x8xf32>) outs(%init_62 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_63 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_16 = linalg.fill ins(%zero : f32) outs(%init_63 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_16 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_12, %decoder_to_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_16 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_64 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_17 = linalg.fill ins(%zero : f32) outs(%init_64 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_17 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %decoder_to_key_concept : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_17 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_65 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_6 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_16, %matmul_17 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_65 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %reshape_13 = tensor.expand_shape %add_6 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_66 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_13 = linalg.transpose ins(%reshape_13 : tensor<?x?x4x8xf32>) outs(%init_66 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_67 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_18 = linalg.fill ins(%zero : f32) outs(%init_67 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_18 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_12, %decoder_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_18 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_68 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_19 = linalg.fill ins(%zero : f32) outs(%init_68 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_19 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %decoder_to_value_concept : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_19 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_69 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_7 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_18, %matmul_19 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_69 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %reshape_14 = tensor.expand_shape %add_7 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_70 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_14 = linalg.transpose ins(%reshape_14 : tensor<?x?x4x8xf32>) outs(%init_70 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_71 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %out_13 = effattn.attention
      ins(%transpose_12, %transpose_13, %transpose_14
          : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>)
      lengths(%lengths : tensor<?xi32>) key_lengths(%lengths : tensor<?xi32>)
      outs(%init_71 : tensor<?x4x?x8xf32>) mask {
    %causal_mask_3 = effattn.causal_mask
    effattn.yield %causal_mask_3 : !effattn.mask
  }
  %init_72 = tensor.empty(%B, %T) : tensor<?x?x4x8xf32>
  %transpose_15 = linalg.transpose ins(%out_13 : tensor<?x4x?x8xf32>) outs(%init_72 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_15 = tensor.collapse_shape %transpose_15 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_73 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_20 = linalg.fill ins(%zero : f32) outs(%init_73 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_20 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_15, %decoder_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_20 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_74 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_8 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_10, %matmul_20 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_74 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_75 = tensor.empty() : tensor<f32>
  %loss = effattn.ratio_loss ins(%p, %mask : tensor<?x?xf32>, tensor<?x?xi1>)
      lengths(%lengths : tensor<?xi32>) outs(%init_75 : tensor<f32>) {ratio = 2.0}
  return %add_8, %loss : tensor<?x?x32xf32>, tensor<f32>
}
