// A layer that attends by structure (SQ-Transformer, arXiv 2402.06492).
//
// Words that play the same part share a code: the nearest row of a codebook. Which token attends to
// which is decided by the codes and by relative positions alone, and the values that are averaged are
// those of the words and those of their codes. So there are two streams, `words` and `structure`, which
// go through the same weights.
//
// B rows, T tokens, attended to from both sides; those past `lengths` are not attended to.
//
// Written by `python sq_transformer.py`.

func.func @sq_transformer(
    %words: tensor<?x?x32xf32> {effattn.name = "words", effattn.shape = "B T 32"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %codebook: tensor<12x32xf32> {effattn.name = "codebook", effattn.shape = "12 32"},
    %attention_norm: tensor<32xf32> {effattn.name = "attention_norm", effattn.shape = "32"},
    %attention_to_query: tensor<32x32xf32> {effattn.name = "attention_to_query", effattn.shape = "32 32"},
    %attention_to_key: tensor<32x32xf32> {effattn.name = "attention_to_key", effattn.shape = "32 32"},
    %attention_to_value: tensor<32x32xf32> {effattn.name = "attention_to_value", effattn.shape = "32 32"},
    %attention_relative_keys: tensor<11x8xf32> {effattn.name = "attention_relative_keys", effattn.shape = "11 8"},
    %attention_relative_values: tensor<11x8xf32> {effattn.name = "attention_relative_values", effattn.shape = "11 8"},
    %attention_to_output: tensor<32x32xf32> {effattn.name = "attention_to_output", effattn.shape = "32 32"},
    %ffn_norm: tensor<32xf32> {effattn.name = "ffn_norm", effattn.shape = "32"},
    %ffn_gate: tensor<32x48xf32> {effattn.name = "ffn_gate", effattn.shape = "32 48"},
    %ffn_up: tensor<32x48xf32> {effattn.name = "ffn_up", effattn.shape = "32 48"},
    %ffn_down: tensor<48x32xf32> {effattn.name = "ffn_down", effattn.shape = "48 32"})
    -> (tensor<?x?x32xf32> {effattn.name = "next_words", effattn.shape = "B T 32"},
        tensor<?x?x32xf32> {effattn.name = "next_structure", effattn.shape = "B T 32"},
        tensor<?x?xi32> {effattn.name = "codes", effattn.shape = "B T"}) {
  // The structure of a sentence: its words by the nearest code.
  %c0 = arith.constant 0 : index
  %B = tensor.dim %words, %c0 : tensor<?x?x32xf32>
  %c1 = arith.constant 1 : index
  %T = tensor.dim %words, %c1 : tensor<?x?x32xf32>
  %init = tensor.empty(%B, %T) : tensor<?x?xi32>
  %init_1 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %codes, %quantized = effattn.vector_quantize
      ins(%words, %codebook : tensor<?x?x32xf32>, tensor<12x32xf32>)
      outs(%init, %init_1 : tensor<?x?xi32>, tensor<?x?x32xf32>)
      {metric = #effattn.metric<l2>, groups = 1}

  // Attention.
  %init_2 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out = effattn.rms_norm ins(%words, %attention_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_2 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_3 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_1 = effattn.rms_norm ins(%quantized, %attention_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_3 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_4 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_4 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_query : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_5 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose = linalg.transpose ins(%reshape : tensor<?x?x4x8xf32>) outs(%init_5 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_6 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_6 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_key : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_1 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_1 = tensor.expand_shape %matmul_1 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_7 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_1 = linalg.transpose ins(%reshape_1 : tensor<?x?x4x8xf32>) outs(%init_7 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_8 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_8 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_2 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_2 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_9 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_2 = linalg.transpose ins(%reshape_2 : tensor<?x?x4x8xf32>) outs(%init_9 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_10 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %attention_to_value : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_3 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %reshape_3 = tensor.expand_shape %matmul_3 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 8] : tensor<?x?x32xf32> into tensor<?x?x4x8xf32>
  %init_11 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %transpose_3 = linalg.transpose ins(%reshape_3 : tensor<?x?x4x8xf32>) outs(%init_11 : tensor<?x4x?x8xf32>) permutation = [0, 2, 1, 3]
  %init_12 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %init_13 = tensor.empty(%B, %T) : tensor<?x4x?x8xf32>
  %out_2, %out2 = effattn.systematic_attention
      ins(%transpose, %transpose_1, %transpose_2, %transpose_3
          : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>)
      relative_keys(%attention_relative_keys : tensor<11x8xf32>)
      relative_values(%attention_relative_values : tensor<11x8xf32>)
      outs(%init_12, %init_13 : tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>) mask {
    %length_mask = effattn.length_mask %lengths : tensor<?xi32>
    effattn.yield %length_mask : !effattn.mask
  }
  %init_14 = tensor.empty(%B, %T) : tensor<?x?x4x8xf32>
  %transpose_4 = linalg.transpose ins(%out_2 : tensor<?x4x?x8xf32>) outs(%init_14 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_4 = tensor.collapse_shape %transpose_4 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_15 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_4 = linalg.fill ins(%zero : f32) outs(%init_15 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_4 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_4, %attention_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_4 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_16 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%words, %matmul_4 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_16 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_17 = tensor.empty(%B, %T) : tensor<?x?x4x8xf32>
  %transpose_5 = linalg.transpose ins(%out2 : tensor<?x4x?x8xf32>) outs(%init_17 : tensor<?x?x4x8xf32>) permutation = [0, 2, 1, 3]
  %reshape_5 = tensor.collapse_shape %transpose_5 [[0], [1], [2, 3]] : tensor<?x?x4x8xf32> into tensor<?x?x32xf32>
  %init_18 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %zeros_5 = linalg.fill ins(%zero : f32) outs(%init_18 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %matmul_5 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_5, %attention_to_output : tensor<?x?x32xf32>, tensor<32x32xf32>)
      outs(%zeros_5 : tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
  %init_19 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%quantized, %matmul_5 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_19 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>

  // Feed-forward.
  %init_20 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_3 = effattn.rms_norm ins(%add, %ffn_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_20 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_21 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_4 = effattn.gated_ffn
      ins(%out_3, %ffn_gate, %ffn_up, %ffn_down
          : tensor<?x?x32xf32>, tensor<32x48xf32>, tensor<32x48xf32>, tensor<48x32xf32>)
      outs(%init_21 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>}
  %init_22 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add, %out_4 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_22 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  %init_23 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_5 = effattn.rms_norm ins(%add_1, %ffn_norm : tensor<?x?x32xf32>, tensor<32xf32>)
      outs(%init_23 : tensor<?x?x32xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_24 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %out_6 = effattn.gated_ffn
      ins(%out_5, %ffn_gate, %ffn_up, %ffn_down
          : tensor<?x?x32xf32>, tensor<32x48xf32>, tensor<32x48xf32>, tensor<48x32xf32>)
      outs(%init_24 : tensor<?x?x32xf32>) {activation = #effattn.activation<silu>}
  %init_25 = tensor.empty(%B, %T) : tensor<?x?x32xf32>
  %add_3 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_1, %out_6 : tensor<?x?x32xf32>, tensor<?x?x32xf32>)
      outs(%init_25 : tensor<?x?x32xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x32xf32>
  return %add_2, %add_3, %codes : tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?xi32>
}
