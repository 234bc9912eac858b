// A decoding step over a cache that stays small (SepLLM, arXiv 2412.12094).
//
// A layer of attention and a gated feed-forward part. Of the past the cache holds the first tokens, the
// newest separators and a window; once it is full, all others leave it. The place of an entry in the
// cache is its position, so streams may be of any length.
//
// A step takes T tokens, one or many, of which row b has `lengths[b]`; any split gives the same. The
// state is keys, values, flags, length and separator_end, all zeros at the start; the results
// `next_...` may be put into the same memory. B rows, N entries of the cache, at least one more than its
// capacity.
//
// Written by `python sepllm_decode.py`.

func.func @sepllm_decode(
    %x: tensor<?x?x64xf32> {effattn.name = "x", effattn.shape = "B T 64"},
    %ids: tensor<?x?xi32> {effattn.name = "ids", effattn.shape = "B T"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %keys: tensor<?x2x?x16xf32> {effattn.name = "keys", effattn.shape = "B 2 N 16"},
    %values: tensor<?x2x?x16xf32> {effattn.name = "values", effattn.shape = "B 2 N 16"},
    %flags: tensor<?x?xi1> {effattn.name = "flags", effattn.shape = "B N"},
    %length: tensor<?xi32> {effattn.name = "length", effattn.shape = "B"},
    %separator_end: tensor<?xi32> {effattn.name = "separator_end", effattn.shape = "B"},
    %attention_norm: tensor<64xf32> {effattn.name = "attention_norm", effattn.shape = "64"},
    %attention_to_query: tensor<64x64xf32> {effattn.name = "attention_to_query", effattn.shape = "64 64"},
    %attention_to_key: tensor<64x32xf32> {effattn.name = "attention_to_key", effattn.shape = "64 32"},
    %attention_to_value: tensor<64x32xf32> {effattn.name = "attention_to_value", effattn.shape = "64 32"},
    %attention_to_output: tensor<64x64xf32> {effattn.name = "attention_to_output", effattn.shape = "64 64"},
    %ffn_norm: tensor<64xf32> {effattn.name = "ffn_norm", effattn.shape = "64"},
    %ffn_gate: tensor<64x96xf32> {effattn.name = "ffn_gate", effattn.shape = "64 96"},
    %ffn_up: tensor<64x96xf32> {effattn.name = "ffn_up", effattn.shape = "64 96"},
    %ffn_down: tensor<96x64xf32> {effattn.name = "ffn_down", effattn.shape = "96 64"})
    -> (tensor<?x?x64xf32> {effattn.name = "y", effattn.shape = "B T 64"},
        tensor<?x2x?x16xf32> {effattn.name = "next_keys", effattn.shape = "B 2 N 16"},
        tensor<?x2x?x16xf32> {effattn.name = "next_values", effattn.shape = "B 2 N 16"},
        tensor<?x?xi1> {effattn.name = "next_flags", effattn.shape = "B N"},
        tensor<?xi32> {effattn.name = "next_length", effattn.shape = "B"},
        tensor<?xi32> {effattn.name = "next_separator_end", effattn.shape = "B"}) {
  // Attention over what the cache keeps.
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?x?x64xf32>
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c1 : tensor<?x?x64xf32>
  %init = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %out = effattn.rms_norm ins(%x, %attention_norm : tensor<?x?x64xf32>, tensor<64xf32>)
      outs(%init : tensor<?x?x64xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_1 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_1 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_query : tensor<?x?x64xf32>, tensor<64x64xf32>)
      outs(%zeros : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %reshape = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%B, %T, 4, 16] : tensor<?x?x64xf32> into tensor<?x?x4x16xf32>
  %init_2 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %transpose = linalg.transpose ins(%reshape : tensor<?x?x4x16xf32>) outs(%init_2 : tensor<?x4x?x16xf32>) permutation = [0, 2, 1, 3]
  %init_3 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_key : tensor<?x?x64xf32>, tensor<64x32xf32>)
      outs(%zeros_1 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_1 = tensor.expand_shape %matmul_1 [[0], [1], [2, 3]] output_shape [%B, %T, 2, 16] : tensor<?x?x32xf32> into tensor<?x?x2x16xf32>
  %init_4 = tensor.empty(%B, %T) : tensor<?x2x?x16xf32>
  %transpose_1 = linalg.transpose ins(%reshape_1 : tensor<?x?x2x16xf32>) outs(%init_4 : tensor<?x2x?x16xf32>) permutation = [0, 2, 1, 3]
  %init_5 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_5 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_value : tensor<?x?x64xf32>, tensor<64x32xf32>)
      outs(%zeros_2 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_2 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%B, %T, 2, 16] : tensor<?x?x32xf32> into tensor<?x?x2x16xf32>
  %init_6 = tensor.empty(%B, %T) : tensor<?x2x?x16xf32>
  %transpose_2 = linalg.transpose ins(%reshape_2 : tensor<?x?x2x16xf32>) outs(%init_6 : tensor<?x2x?x16xf32>) permutation = [0, 2, 1, 3]
  %init_7 = tensor.empty(%B, %T) : tensor<?x?xi1>
  %is_separator = effattn.separator_positions ins(%ids : tensor<?x?xi32>)
      outs(%init_7 : tensor<?x?xi1>) {separators = array<i64: 11, 13, 30, 198>}
  %init_8 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %keys_1, %values_1, %state_flags, %length_1, %separator_end_1, %out_1 = effattn.separator_cache_update
      ins(%transpose_1, %transpose_2, %is_separator
          : tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x?xi1>)
      q(%transpose : tensor<?x4x?x16xf32>) lengths(%lengths : tensor<?xi32>)
      outs(%keys, %values, %flags, %length, %separator_end, %init_8
          : tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x16xf32>)
      {initial = 2, separators = 4, window = 6, capacity = 16, when = #effattn.when<after_attention>, prefill = #effattn.prefill<stepwise>, positions = #effattn.positions<slot>, rope_base = 10000.0, rope_layout = #effattn.rope_layout<half>}
  %init_9 = tensor.empty(%B, %T) : tensor<?x?x4x16xf32>
  %transpose_3 = linalg.transpose ins(%out_1 : tensor<?x4x?x16xf32>) outs(%init_9 : tensor<?x?x4x16xf32>) permutation = [0, 2, 1, 3]
  %reshape_3 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x?x4x16xf32> into tensor<?x?x64xf32>
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_10 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_3, %attention_to_output : tensor<?x?x64xf32>, tensor<64x64xf32>)
      outs(%zeros_3 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %init_11 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %matmul_3 : tensor<?x?x64xf32>, tensor<?x?x64xf32>)
      outs(%init_11 : tensor<?x?x64xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x64xf32>

  // Feed-forward.
  %init_12 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %out_2 = effattn.rms_norm ins(%add, %ffn_norm : tensor<?x?x64xf32>, tensor<64xf32>)
      outs(%init_12 : tensor<?x?x64xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_13 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %out_3 = effattn.gated_ffn
      ins(%out_2, %ffn_gate, %ffn_up, %ffn_down
          : tensor<?x?x64xf32>, tensor<64x96xf32>, tensor<64x96xf32>, tensor<96x64xf32>)
      outs(%init_13 : tensor<?x?x64xf32>) {activation = #effattn.activation<silu>}
  %init_14 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add, %out_3 : tensor<?x?x64xf32>, tensor<?x?x64xf32>)
      outs(%init_14 : tensor<?x?x64xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x64xf32>
  return %add_1, %keys_1, %values_1, %state_flags, %length_1, %separator_end_1 : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>
}
