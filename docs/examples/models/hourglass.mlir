// A transformer layer whose feed-forward part is deep and narrow (Hourglass, arXiv 2602.06471).
//
// Causal attention with rotary positions, then gated layers one after another, each with a residual of
// its own and half as wide inside as outside.
//
// B rows, T tokens. Tokens past `lengths` are not attended to.
//
// Written by `python hourglass.py`.

func.func @hourglass(
    %x: tensor<?x?x64xf32> {effattn.name = "x", effattn.shape = "B T 64"},
    %positions: tensor<?x?xi64> {effattn.name = "positions", effattn.shape = "B T"},
    %lengths: tensor<?xi32> {effattn.name = "lengths", effattn.shape = "B"},
    %attention_norm: tensor<64xf32> {effattn.name = "attention_norm", effattn.shape = "64"},
    %attention_to_query: tensor<64x64xf32> {effattn.name = "attention_to_query", effattn.shape = "64 64"},
    %attention_to_key: tensor<64x64xf32> {effattn.name = "attention_to_key", effattn.shape = "64 64"},
    %attention_to_value: tensor<64x64xf32> {effattn.name = "attention_to_value", effattn.shape = "64 64"},
    %attention_to_output: tensor<64x64xf32> {effattn.name = "attention_to_output", effattn.shape = "64 64"},
    %ffn_norm: tensor<4x64xf32> {effattn.name = "ffn_norm", effattn.shape = "4 64"},
    %ffn_gate: tensor<4x64x32xf32> {effattn.name = "ffn_gate", effattn.shape = "4 64 32"},
    %ffn_up: tensor<4x64x32xf32> {effattn.name = "ffn_up", effattn.shape = "4 64 32"},
    %ffn_down: tensor<4x32x64xf32> {effattn.name = "ffn_down", effattn.shape = "4 32 64"})
    -> (tensor<?x?x64xf32> {effattn.name = "y", effattn.shape = "B T 64"}) {
  // Attention.
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
  %init_3 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_3 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_key : tensor<?x?x64xf32>, tensor<64x64xf32>)
      outs(%zeros_1 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %reshape_1 = tensor.expand_shape %matmul_1 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 16] : tensor<?x?x64xf32> into tensor<?x?x4x16xf32>
  %init_4 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %transpose_1 = linalg.transpose ins(%reshape_1 : tensor<?x?x4x16xf32>) outs(%init_4 : tensor<?x4x?x16xf32>) permutation = [0, 2, 1, 3]
  %init_5 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_5 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out, %attention_to_value : tensor<?x?x64xf32>, tensor<64x64xf32>)
      outs(%zeros_2 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %reshape_2 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%B, %T, 4, 16] : tensor<?x?x64xf32> into tensor<?x?x4x16xf32>
  %init_6 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %transpose_2 = linalg.transpose ins(%reshape_2 : tensor<?x?x4x16xf32>) outs(%init_6 : tensor<?x4x?x16xf32>) permutation = [0, 2, 1, 3]
  %init_7 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %out_1 = effattn.rotary_embedding
      ins(%transpose, %positions : tensor<?x4x?x16xf32>, tensor<?x?xi64>)
      outs(%init_7 : tensor<?x4x?x16xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_8 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %out_2 = effattn.rotary_embedding
      ins(%transpose_1, %positions : tensor<?x4x?x16xf32>, tensor<?x?xi64>)
      outs(%init_8 : tensor<?x4x?x16xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_9 = tensor.empty(%B, %T) : tensor<?x4x?x16xf32>
  %out_3 = effattn.attention
      ins(%out_1, %out_2, %transpose_2 : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>)
      lengths(%lengths : tensor<?xi32>) key_lengths(%lengths : tensor<?xi32>)
      outs(%init_9 : tensor<?x4x?x16xf32>) mask {
    %causal_mask = effattn.causal_mask
    effattn.yield %causal_mask : !effattn.mask
  }
  %init_10 = tensor.empty(%B, %T) : tensor<?x?x4x16xf32>
  %transpose_3 = linalg.transpose ins(%out_3 : tensor<?x4x?x16xf32>) outs(%init_10 : tensor<?x?x4x16xf32>) permutation = [0, 2, 1, 3]
  %reshape_3 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x?x4x16xf32> into tensor<?x?x64xf32>
  %init_11 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_11 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_3, %attention_to_output : tensor<?x?x64xf32>, tensor<64x64xf32>)
      outs(%zeros_3 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %init_12 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %matmul_3 : tensor<?x?x64xf32>, tensor<?x?x64xf32>)
      outs(%init_12 : tensor<?x?x64xf32>) {
  ^bb0(%x.e: f32, %y.e: f32, %out.e: f32):
    %z.e = arith.addf %x.e, %y.e : f32
    linalg.yield %z.e : f32
  } -> tensor<?x?x64xf32>

  // Narrow layers, one after another.
  %init_13 = tensor.empty(%B, %T) : tensor<?x?x64xf32>
  %out_4 = effattn.hourglass_ffn
      ins(%add, %ffn_norm, %ffn_gate, %ffn_up, %ffn_down
          : tensor<?x?x64xf32>, tensor<4x64xf32>, tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x32x64xf32>)
      outs(%init_13 : tensor<?x?x64xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  return %out_4 : tensor<?x?x64xf32>
}
