// {"config": {"width": 160, "rows": [8, 8, 4], "columns": [4, 8, 5], "ranks": [24, 16], "heads": 5, "encoder": 2, "concept_layers": 2, "decoder": 2, "separators": ".,?!;:\n", "initial": 4, "window": 64, "blocks": 3, "narrow": 80, "experts": 4, "chosen": 2, "hidden": 96, "digits": 3, "base": 8, "kept": 4, "value_width": 64, "ratio": 4.0, "attention": "separator", "memory": true, "concepts": true}, "bounds": {"separators": 128, "slack": 60}}
func.func @prefill(
    %ids: tensor<?x?xi64> {effattn.name = "ids", effattn.shape = "S0 S1"},
    %state_seen: tensor<?xi64> {effattn.name = "state_seen", effattn.shape = "S0"},
    %state_encoder_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_0_attention_keys", effattn.shape = "S0 5 S2 32"},
    %state_encoder_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_0_attention_values", effattn.shape = "S0 5 S2 32"},
    %state_encoder_0_attention_flags: tensor<?x?xi1> {effattn.name = "state_encoder_0_attention_flags", effattn.shape = "S0 S2"},
    %state_encoder_0_attention_length: tensor<?xi64> {effattn.name = "state_encoder_0_attention_length", effattn.shape = "S0"},
    %state_encoder_0_attention_separator_end: tensor<?xi64> {effattn.name = "state_encoder_0_attention_separator_end", effattn.shape = "S0"},
    %state_encoder_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_1_attention_keys", effattn.shape = "S0 5 S5 32"},
    %state_encoder_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_1_attention_values", effattn.shape = "S0 5 S5 32"},
    %state_encoder_1_attention_flags: tensor<?x?xi1> {effattn.name = "state_encoder_1_attention_flags", effattn.shape = "S0 S5"},
    %state_encoder_1_attention_length: tensor<?xi64> {effattn.name = "state_encoder_1_attention_length", effattn.shape = "S0"},
    %state_encoder_1_attention_separator_end: tensor<?xi64> {effattn.name = "state_encoder_1_attention_separator_end", effattn.shape = "S0"},
    %state_memory_contents: tensor<?x512x64xf32> {effattn.name = "state_memory_contents", effattn.shape = "S0 512 64"},
    %state_memory_mass: tensor<?x512xf32> {effattn.name = "state_memory_mass", effattn.shape = "S0 512"},
    %state_stage_key: tensor<?x160xf32> {effattn.name = "state_stage_key", effattn.shape = "S0 160"},
    %state_stage_average: tensor<?x160xf32> {effattn.name = "state_stage_average", effattn.shape = "S0 160"},
    %state_stage_seen: tensor<?xi64> {effattn.name = "state_stage_seen", effattn.shape = "S0"},
    %state_concept_layers_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_0_attention_keys", effattn.shape = "S0 5 S9 32"},
    %state_concept_layers_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_0_attention_values", effattn.shape = "S0 5 S9 32"},
    %state_concept_layers_0_attention_length: tensor<?xi64> {effattn.name = "state_concept_layers_0_attention_length", effattn.shape = "S0"},
    %state_concept_layers_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_1_attention_keys", effattn.shape = "S0 5 S10 32"},
    %state_concept_layers_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_1_attention_values", effattn.shape = "S0 5 S10 32"},
    %state_concept_layers_1_attention_length: tensor<?xi64> {effattn.name = "state_concept_layers_1_attention_length", effattn.shape = "S0"},
    %state_decoder_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_0_attention_keys", effattn.shape = "S0 5 S11 32"},
    %state_decoder_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_0_attention_values", effattn.shape = "S0 5 S11 32"},
    %state_decoder_0_attention_flags: tensor<?x?xi1> {effattn.name = "state_decoder_0_attention_flags", effattn.shape = "S0 S11"},
    %state_decoder_0_attention_length: tensor<?xi64> {effattn.name = "state_decoder_0_attention_length", effattn.shape = "S0"},
    %state_decoder_0_attention_separator_end: tensor<?xi64> {effattn.name = "state_decoder_0_attention_separator_end", effattn.shape = "S0"},
    %state_decoder_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_1_attention_keys", effattn.shape = "S0 5 S12 32"},
    %state_decoder_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_1_attention_values", effattn.shape = "S0 5 S12 32"},
    %state_decoder_1_attention_flags: tensor<?x?xi1> {effattn.name = "state_decoder_1_attention_flags", effattn.shape = "S0 S12"},
    %state_decoder_1_attention_length: tensor<?xi64> {effattn.name = "state_decoder_1_attention_length", effattn.shape = "S0"},
    %state_decoder_1_attention_separator_end: tensor<?xi64> {effattn.name = "state_decoder_1_attention_separator_end", effattn.shape = "S0"},
    %table_cores_0: tensor<1x8x4x24xf32> {effattn.name = "table_cores_0", effattn.shape = "1 8 4 24"},
    %table_cores_1: tensor<24x8x8x16xf32> {effattn.name = "table_cores_1", effattn.shape = "24 8 8 16"},
    %table_cores_2: tensor<16x4x5x1xf32> {effattn.name = "table_cores_2", effattn.shape = "16 4 5 1"},
    %encoder_0_norm_weight: tensor<160xf32> {effattn.name = "encoder_0_norm_weight", effattn.shape = "160"},
    %encoder_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "encoder_0_attention_mix_weight", effattn.shape = "480 160"},
    %encoder_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "encoder_0_attention_output_weight", effattn.shape = "160 160"},
    %encoder_0_ffn_norm: tensor<3x160xf32> {effattn.name = "encoder_0_ffn_norm", effattn.shape = "3 160"},
    %encoder_0_ffn_gate: tensor<3x160x80xf32> {effattn.name = "encoder_0_ffn_gate", effattn.shape = "3 160 80"},
    %encoder_0_ffn_up: tensor<3x160x80xf32> {effattn.name = "encoder_0_ffn_up", effattn.shape = "3 160 80"},
    %encoder_0_ffn_down: tensor<3x80x160xf32> {effattn.name = "encoder_0_ffn_down", effattn.shape = "3 80 160"},
    %encoder_1_norm_weight: tensor<160xf32> {effattn.name = "encoder_1_norm_weight", effattn.shape = "160"},
    %encoder_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "encoder_1_attention_mix_weight", effattn.shape = "480 160"},
    %encoder_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "encoder_1_attention_output_weight", effattn.shape = "160 160"},
    %encoder_1_ffn_norm: tensor<3x160xf32> {effattn.name = "encoder_1_ffn_norm", effattn.shape = "3 160"},
    %encoder_1_ffn_gate: tensor<3x160x80xf32> {effattn.name = "encoder_1_ffn_gate", effattn.shape = "3 160 80"},
    %encoder_1_ffn_up: tensor<3x160x80xf32> {effattn.name = "encoder_1_ffn_up", effattn.shape = "3 160 80"},
    %encoder_1_ffn_down: tensor<3x80x160xf32> {effattn.name = "encoder_1_ffn_down", effattn.shape = "3 80 160"},
    %memory_norm_weight: tensor<160xf32> {effattn.name = "memory_norm_weight", effattn.shape = "160"},
    %memory_write_weight: tensor<24x160xf32> {effattn.name = "memory_write_weight", effattn.shape = "24 160"},
    %memory_read_weight: tensor<24x160xf32> {effattn.name = "memory_read_weight", effattn.shape = "24 160"},
    %memory_value_weight: tensor<64x160xf32> {effattn.name = "memory_value_weight", effattn.shape = "64 160"},
    %memory_output_weight: tensor<160x64xf32> {effattn.name = "memory_output_weight", effattn.shape = "160 64"},
    %stage_query_weight: tensor<160x160xf32> {effattn.name = "stage_query_weight", effattn.shape = "160 160"},
    %stage_key_weight: tensor<160x160xf32> {effattn.name = "stage_key_weight", effattn.shape = "160 160"},
    %concept_layers_0_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_0_norm_weight", effattn.shape = "160"},
    %concept_layers_0_expert_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_0_expert_norm_weight", effattn.shape = "160"},
    %concept_layers_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "concept_layers_0_attention_mix_weight", effattn.shape = "480 160"},
    %concept_layers_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "concept_layers_0_attention_output_weight", effattn.shape = "160 160"},
    %concept_layers_0_experts_router: tensor<160x4xf32> {effattn.name = "concept_layers_0_experts_router", effattn.shape = "160 4"},
    %concept_layers_0_experts_gate: tensor<4x160x96xf32> {effattn.name = "concept_layers_0_experts_gate", effattn.shape = "4 160 96"},
    %concept_layers_0_experts_up: tensor<4x160x96xf32> {effattn.name = "concept_layers_0_experts_up", effattn.shape = "4 160 96"},
    %concept_layers_0_experts_down: tensor<4x96x160xf32> {effattn.name = "concept_layers_0_experts_down", effattn.shape = "4 96 160"},
    %concept_layers_1_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_1_norm_weight", effattn.shape = "160"},
    %concept_layers_1_expert_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_1_expert_norm_weight", effattn.shape = "160"},
    %concept_layers_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "concept_layers_1_attention_mix_weight", effattn.shape = "480 160"},
    %concept_layers_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "concept_layers_1_attention_output_weight", effattn.shape = "160 160"},
    %concept_layers_1_experts_router: tensor<160x4xf32> {effattn.name = "concept_layers_1_experts_router", effattn.shape = "160 4"},
    %concept_layers_1_experts_gate: tensor<4x160x96xf32> {effattn.name = "concept_layers_1_experts_gate", effattn.shape = "4 160 96"},
    %concept_layers_1_experts_up: tensor<4x160x96xf32> {effattn.name = "concept_layers_1_experts_up", effattn.shape = "4 160 96"},
    %concept_layers_1_experts_down: tensor<4x96x160xf32> {effattn.name = "concept_layers_1_experts_down", effattn.shape = "4 96 160"},
    %decoder_0_norm_weight: tensor<160xf32> {effattn.name = "decoder_0_norm_weight", effattn.shape = "160"},
    %decoder_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "decoder_0_attention_mix_weight", effattn.shape = "480 160"},
    %decoder_0_attention_mix_concepts_weight: tensor<480x160xf32> {effattn.name = "decoder_0_attention_mix_concepts_weight", effattn.shape = "480 160"},
    %decoder_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "decoder_0_attention_output_weight", effattn.shape = "160 160"},
    %decoder_0_ffn_norm: tensor<3x160xf32> {effattn.name = "decoder_0_ffn_norm", effattn.shape = "3 160"},
    %decoder_0_ffn_gate: tensor<3x160x80xf32> {effattn.name = "decoder_0_ffn_gate", effattn.shape = "3 160 80"},
    %decoder_0_ffn_up: tensor<3x160x80xf32> {effattn.name = "decoder_0_ffn_up", effattn.shape = "3 160 80"},
    %decoder_0_ffn_down: tensor<3x80x160xf32> {effattn.name = "decoder_0_ffn_down", effattn.shape = "3 80 160"},
    %decoder_1_norm_weight: tensor<160xf32> {effattn.name = "decoder_1_norm_weight", effattn.shape = "160"},
    %decoder_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "decoder_1_attention_mix_weight", effattn.shape = "480 160"},
    %decoder_1_attention_mix_concepts_weight: tensor<480x160xf32> {effattn.name = "decoder_1_attention_mix_concepts_weight", effattn.shape = "480 160"},
    %decoder_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "decoder_1_attention_output_weight", effattn.shape = "160 160"},
    %decoder_1_ffn_norm: tensor<3x160xf32> {effattn.name = "decoder_1_ffn_norm", effattn.shape = "3 160"},
    %decoder_1_ffn_gate: tensor<3x160x80xf32> {effattn.name = "decoder_1_ffn_gate", effattn.shape = "3 160 80"},
    %decoder_1_ffn_up: tensor<3x160x80xf32> {effattn.name = "decoder_1_ffn_up", effattn.shape = "3 160 80"},
    %decoder_1_ffn_down: tensor<3x80x160xf32> {effattn.name = "decoder_1_ffn_down", effattn.shape = "3 80 160"},
    %norm_weight: tensor<160xf32> {effattn.name = "norm_weight", effattn.shape = "160"},
    %separators: tensor<256xi1> {effattn.name = "separators", effattn.shape = "256"})
    -> (tensor<?x?x256xf32> {effattn.shape = "S0 S1 256"},
        tensor<?x?xi1> {effattn.shape = "S0 S1"},
        tensor<?x?x4xi32> {effattn.shape = "S0 S1 4"},
        tensor<?x?x4xi32> {effattn.shape = "S0 S1 4"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S2 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S2 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S2"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S5 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S5 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S5"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x512x64xf32> {effattn.shape = "S0 512 64"},
        tensor<?x512xf32> {effattn.shape = "S0 512"},
        tensor<?x160xf32> {effattn.shape = "S0 160"},
        tensor<?x160xf32> {effattn.shape = "S0 160"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S9 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S9 32"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S10 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S10 32"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S11 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S11 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S11"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S12 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S12 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S12"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"}) {
  %c0 = arith.constant 0 : index
  %S0 = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %c1 = arith.constant 1 : index
  %S1 = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %init = tensor.empty(%S0, %S1) : tensor<?x?xi1>
  %is_separator = effattn.separator_positions ins(%ids : tensor<?x?xi64>)
      bitmap(%separators : tensor<256xi1>) outs(%init : tensor<?x?xi1>)
  %reshape = tensor.expand_shape %state_seen [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_1 = tensor.empty(%S1) : tensor<?xi64>
  %arange = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_1 : tensor<?xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_2 = tensor.empty(%S0, %S1) : tensor<?x?xi64>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape, %arange : tensor<?x1xi64>, tensor<?xi64>)
      outs(%init_2 : tensor<?x?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x?xi64>
  %count = arith.index_cast %S1 : index to i64
  %count_1 = tensor.from_elements %count : tensor<i64>
  %init_3 = tensor.empty(%S0) : tensor<?xi64>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_seen, %count_1 : tensor<?xi64>, tensor<i64>)
      outs(%init_3 : tensor<?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?xi64>
  %init_4 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out = effattn.tensor_train_embedding
      ins(%ids, %table_cores_0, %table_cores_1, %table_cores_2
          : tensor<?x?xi64>, tensor<1x8x4x24xf32>, tensor<24x8x8x16xf32>, tensor<16x4x5x1xf32>)
      outs(%init_4 : tensor<?x?x160xf32>) {vocabulary = 256}
  %init_5 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_1 = effattn.rms_norm ins(%out, %encoder_0_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_5 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_6 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_6 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %encoder_0_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_1 = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%S0, %S1, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_7 = tensor.empty(%S0, %S1) : tensor<?x15x?x32xf32>
  %transpose = linalg.transpose ins(%reshape_1 : tensor<?x?x15x32xf32>) outs(%init_7 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part = tensor.extract_slice %transpose[0, 0, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_1 = tensor.extract_slice %transpose[0, 5, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_2 = tensor.extract_slice %transpose[0, 10, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_8 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_2 = effattn.rotary_embedding ins(%part, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_8 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_9 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_3 = effattn.rotary_embedding ins(%part_1, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_9 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys, %values, %state_flags, %length, %separator_end = effattn.separator_cache_append
      ins(%out_3, %part_2, %is_separator : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>)
      outs(%state_encoder_0_attention_keys, %state_encoder_0_attention_values, %state_encoder_0_attention_flags, %state_encoder_0_attention_length, %state_encoder_0_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_10 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_4 = effattn.attention
      ins(%out_2, %keys, %values : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length : tensor<?xi64>) outs(%init_10 : tensor<?x5x?x32xf32>) mask {
    %separator_mask = effattn.separator_mask %state_flags : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask : !effattn.mask
  }
  %init_11 = tensor.empty(%S0, %S1) : tensor<?x?x5x32xf32>
  %transpose_1 = linalg.transpose ins(%out_4 : tensor<?x5x?x32xf32>) outs(%init_11 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_2 = tensor.collapse_shape %transpose_1 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_12 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_12 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_2, %encoder_0_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_1 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %keys_1, %values_1, %state_flags_1, %length_1, %separator_end_1 = effattn.separator_cache_compact
      outs(%keys, %values, %state_flags, %length, %separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_13 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %add_2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out, %matmul_1 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_13 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_14 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_5 = effattn.hourglass_ffn
      ins(%add_2, %encoder_0_ffn_norm, %encoder_0_ffn_gate, %encoder_0_ffn_up, %encoder_0_ffn_down
          : tensor<?x?x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_14 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_15 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_6 = effattn.rms_norm ins(%out_5, %encoder_1_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_15 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_16 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_16 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_6, %encoder_1_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_2 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_3 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%S0, %S1, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_17 = tensor.empty(%S0, %S1) : tensor<?x15x?x32xf32>
  %transpose_2 = linalg.transpose ins(%reshape_3 : tensor<?x?x15x32xf32>) outs(%init_17 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_3 = tensor.extract_slice %transpose_2[0, 0, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_4 = tensor.extract_slice %transpose_2[0, 5, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_5 = tensor.extract_slice %transpose_2[0, 10, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_18 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_7 = effattn.rotary_embedding ins(%part_3, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_18 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_19 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_8 = effattn.rotary_embedding ins(%part_4, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_19 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_2, %values_2, %state_flags_2, %length_2, %separator_end_2 = effattn.separator_cache_append
      ins(%out_8, %part_5, %is_separator : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>)
      outs(%state_encoder_1_attention_keys, %state_encoder_1_attention_values, %state_encoder_1_attention_flags, %state_encoder_1_attention_length, %state_encoder_1_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_20 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_9 = effattn.attention
      ins(%out_7, %keys_2, %values_2 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_2 : tensor<?xi64>) outs(%init_20 : tensor<?x5x?x32xf32>) mask {
    %separator_mask_1 = effattn.separator_mask %state_flags_2 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_1 : !effattn.mask
  }
  %init_21 = tensor.empty(%S0, %S1) : tensor<?x?x5x32xf32>
  %transpose_3 = linalg.transpose ins(%out_9 : tensor<?x5x?x32xf32>) outs(%init_21 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_4 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_22 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_22 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_4, %encoder_1_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_3 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %keys_3, %values_3, %state_flags_3, %length_3, %separator_end_3 = effattn.separator_cache_compact
      outs(%keys_2, %values_2, %state_flags_2, %length_2, %separator_end_2
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_23 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %add_3 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_5, %matmul_3 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_23 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_24 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_10 = effattn.hourglass_ffn
      ins(%add_3, %encoder_1_ffn_norm, %encoder_1_ffn_gate, %encoder_1_ffn_up, %encoder_1_ffn_down
          : tensor<?x?x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_24 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_25 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_11 = effattn.rms_norm ins(%out_10, %memory_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_25 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_26 = tensor.empty(%S0, %S1) : tensor<?x?x24xf32>
  %zeros_4 = linalg.fill ins(%zero : f32) outs(%init_26 : tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  %matmul_4 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_write_weight : tensor<?x?x160xf32>, tensor<24x160xf32>)
      outs(%zeros_4 : tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  %init_27 = tensor.empty(%S0, %S1) : tensor<?x?x4xf32>
  %init_28 = tensor.empty(%S0, %S1) : tensor<?x?x4xi32>
  %weights, %indices = effattn.address_decode ins(%matmul_4 : tensor<?x?x24xf32>)
      positions(%add : tensor<?x?xi64>)
      outs(%init_27, %init_28 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}
  %init_29 = tensor.empty(%S0, %S1) : tensor<?x?x24xf32>
  %zeros_5 = linalg.fill ins(%zero : f32) outs(%init_29 : tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  %matmul_5 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_read_weight : tensor<?x?x160xf32>, tensor<24x160xf32>)
      outs(%zeros_5 : tensor<?x?x24xf32>) -> tensor<?x?x24xf32>
  %init_30 = tensor.empty(%S0, %S1) : tensor<?x?x4xf32>
  %init_31 = tensor.empty(%S0, %S1) : tensor<?x?x4xi32>
  %weights_1, %indices_1 = effattn.address_decode ins(%matmul_5 : tensor<?x?x24xf32>)
      positions(%add : tensor<?x?xi64>)
      outs(%init_30, %init_31 : tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}
  %init_32 = tensor.empty(%S0, %S1) : tensor<?x?x64xf32>
  %zeros_6 = linalg.fill ins(%zero : f32) outs(%init_32 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %matmul_6 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_value_weight : tensor<?x?x160xf32>, tensor<64x160xf32>)
      outs(%zeros_6 : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %init_33 = tensor.empty(%S0, %S1) : tensor<?x?x64xf32>
  %out_12, %memory, %mass = effattn.address_memory
      ins(%weights, %indices, %matmul_6, %weights_1, %indices_1
          : tensor<?x?x4xf32>, tensor<?x?x4xi32>, tensor<?x?x64xf32>, tensor<?x?x4xf32>, tensor<?x?x4xi32>)
      outs(%init_33, %state_memory_contents, %state_memory_mass
          : tensor<?x?x64xf32>, tensor<?x512x64xf32>, tensor<?x512xf32>)
      {gamma = 1.0, epsilon = 1.0e-06}
  %init_34 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_7 = linalg.fill ins(%zero : f32) outs(%init_34 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_7 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_12, %memory_output_weight : tensor<?x?x64xf32>, tensor<160x64xf32>)
      outs(%zeros_7 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_35 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %add_4 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_10, %matmul_7 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_35 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_36 = tensor.empty(%S0) : tensor<?xi1>
  %gt = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_stage_seen : tensor<?xi64>)
      outs(%init_36 : tensor<?xi1>) {
  ^bb0(%x0.e: i64, %out.e: i1):
    %t0.e = arith.constant 0 : i64
    %t1.e = arith.cmpi sgt, %x0.e, %t0.e : i64
    linalg.yield %t1.e : i1
  } -> tensor<?xi1>
  %init_37 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_8 = linalg.fill ins(%zero : f32) outs(%init_37 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_8 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_4, %stage_query_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_8 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_38 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_9 = linalg.fill ins(%zero : f32) outs(%init_38 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_9 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_4, %stage_key_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_9 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_39 = tensor.empty(%S0, %S1) : tensor<?x?xf32>
  %p, %last = effattn.boundary_probability resume
      ins(%matmul_8, %matmul_9 : tensor<?x?x160xf32>, tensor<?x?x160xf32>) started(%gt : tensor<?xi1>)
      outs(%init_39, %state_stage_key : tensor<?x?xf32>, tensor<?x160xf32>)
      {pairing = #effattn.pairing<current_query>}
  %init_40 = tensor.empty(%S0, %S1) : tensor<?x?xi1>
  %mask = effattn.boundary_mask ins(%p : tensor<?x?xf32>) outs(%init_40 : tensor<?x?xi1>)
      {threshold = 0.5, strict = false}
  %init_41 = tensor.empty(%S0) : tensor<?xi32>
  %init_42 = tensor.empty() : tensor<i32>
  %counts, %largest = effattn.boundary_count ins(%mask : tensor<?x?xi1>)
      outs(%init_41, %init_42 : tensor<?xi32>, tensor<i32>)
  %item = tensor.extract %largest[] : tensor<i32>
  %N = arith.index_cast %item : i32 to index
  %init_43 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %init_44 = tensor.empty(%S0) : tensor<?xi32>
  %concepts, %counts_1 = effattn.chunk ins(%add_4, %mask : tensor<?x?x160xf32>, tensor<?x?xi1>)
      outs(%init_43, %init_44 : tensor<?x?x160xf32>, tensor<?xi32>)
      {overflow = #effattn.overflow<error>}
  %init_45 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_13 = effattn.rms_norm
      ins(%concepts, %concept_layers_0_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_45 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %reshape_5 = tensor.expand_shape %state_concept_layers_0_attention_length [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_46 = tensor.empty(%N) : tensor<?xi64>
  %arange_1 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_46 : tensor<?xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_47 = tensor.empty(%S0, %N) : tensor<?x?xi64>
  %add_5 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape_5, %arange_1 : tensor<?x1xi64>, tensor<?xi64>)
      outs(%init_47 : tensor<?x?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x?xi64>
  %init_48 = tensor.empty(%S0, %N) : tensor<?x?x480xf32>
  %zeros_10 = linalg.fill ins(%zero : f32) outs(%init_48 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_10 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_13, %concept_layers_0_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_10 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_6 = tensor.expand_shape %matmul_10 [[0], [1], [2, 3]] output_shape [%S0, %N, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_49 = tensor.empty(%S0, %N) : tensor<?x15x?x32xf32>
  %transpose_4 = linalg.transpose ins(%reshape_6 : tensor<?x?x15x32xf32>) outs(%init_49 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_6 = tensor.extract_slice %transpose_4[0, 0, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_7 = tensor.extract_slice %transpose_4[0, 5, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_8 = tensor.extract_slice %transpose_4[0, 10, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_50 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_14 = effattn.rotary_embedding ins(%part_6, %add_5 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_50 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_51 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_15 = effattn.rotary_embedding ins(%part_7, %add_5 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_51 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_4, %values_4, %length_4 = effattn.kv_cache_append
      ins(%out_15, %part_8 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>)
      outs(%state_concept_layers_0_attention_keys, %state_concept_layers_0_attention_values, %state_concept_layers_0_attention_length
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>) {ring = false}
  %init_52 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_16 = effattn.attention
      ins(%out_14, %keys_4, %values_4 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%length_4 : tensor<?xi64>)
      outs(%init_52 : tensor<?x5x?x32xf32>) mask {
    %causal_mask = effattn.causal_mask
    effattn.yield %causal_mask : !effattn.mask
  }
  %init_53 = tensor.empty(%S0, %N) : tensor<?x?x5x32xf32>
  %transpose_5 = linalg.transpose ins(%out_16 : tensor<?x5x?x32xf32>) outs(%init_53 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_7 = tensor.collapse_shape %transpose_5 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_54 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %zeros_11 = linalg.fill ins(%zero : f32) outs(%init_54 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_11 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_7, %concept_layers_0_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_11 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_55 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_6 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%concepts, %matmul_11 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_55 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_56 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_17 = effattn.rms_norm
      ins(%add_6, %concept_layers_0_expert_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_56 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_57 = tensor.empty(%S0, %N) : tensor<?x?x2xf32>
  %init_58 = tensor.empty(%S0, %N) : tensor<?x?x2xi32>
  %init_59 = tensor.empty() : tensor<f32>
  %gates, %experts, %load_balance = effattn.moe_route
      ins(%out_17, %concept_layers_0_experts_router : tensor<?x?x160xf32>, tensor<160x4xf32>)
      outs(%init_57, %init_58, %init_59 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_60 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_18 = effattn.moe_ffn
      ins(%out_17, %gates, %experts, %concept_layers_0_experts_gate, %concept_layers_0_experts_up, %concept_layers_0_experts_down
          : tensor<?x?x160xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<4x160x96xf32>, tensor<4x160x96xf32>, tensor<4x96x160xf32>)
      outs(%init_60 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>}
  %init_61 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_7 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_6, %out_18 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_61 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_62 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_19 = effattn.rms_norm
      ins(%add_7, %concept_layers_1_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_62 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %reshape_8 = tensor.expand_shape %state_concept_layers_1_attention_length [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_63 = tensor.empty(%N) : tensor<?xi64>
  %arange_2 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_63 : tensor<?xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_64 = tensor.empty(%S0, %N) : tensor<?x?xi64>
  %add_8 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape_8, %arange_2 : tensor<?x1xi64>, tensor<?xi64>)
      outs(%init_64 : tensor<?x?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x?xi64>
  %init_65 = tensor.empty(%S0, %N) : tensor<?x?x480xf32>
  %zeros_12 = linalg.fill ins(%zero : f32) outs(%init_65 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_12 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_19, %concept_layers_1_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_12 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_9 = tensor.expand_shape %matmul_12 [[0], [1], [2, 3]] output_shape [%S0, %N, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_66 = tensor.empty(%S0, %N) : tensor<?x15x?x32xf32>
  %transpose_6 = linalg.transpose ins(%reshape_9 : tensor<?x?x15x32xf32>) outs(%init_66 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_9 = tensor.extract_slice %transpose_6[0, 0, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_10 = tensor.extract_slice %transpose_6[0, 5, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_11 = tensor.extract_slice %transpose_6[0, 10, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_67 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_20 = effattn.rotary_embedding ins(%part_9, %add_8 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_67 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_68 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_21 = effattn.rotary_embedding ins(%part_10, %add_8 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_68 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_5, %values_5, %length_5 = effattn.kv_cache_append
      ins(%out_21, %part_11 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>)
      outs(%state_concept_layers_1_attention_keys, %state_concept_layers_1_attention_values, %state_concept_layers_1_attention_length
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>) {ring = false}
  %init_69 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_22 = effattn.attention
      ins(%out_20, %keys_5, %values_5 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%length_5 : tensor<?xi64>)
      outs(%init_69 : tensor<?x5x?x32xf32>) mask {
    %causal_mask_1 = effattn.causal_mask
    effattn.yield %causal_mask_1 : !effattn.mask
  }
  %init_70 = tensor.empty(%S0, %N) : tensor<?x?x5x32xf32>
  %transpose_7 = linalg.transpose ins(%out_22 : tensor<?x5x?x32xf32>) outs(%init_70 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_10 = tensor.collapse_shape %transpose_7 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_71 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %zeros_13 = linalg.fill ins(%zero : f32) outs(%init_71 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_13 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_10, %concept_layers_1_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_13 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_72 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_9 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_7, %matmul_13 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_72 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_73 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_23 = effattn.rms_norm
      ins(%add_9, %concept_layers_1_expert_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_73 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_74 = tensor.empty(%S0, %N) : tensor<?x?x2xf32>
  %init_75 = tensor.empty(%S0, %N) : tensor<?x?x2xi32>
  %init_76 = tensor.empty() : tensor<f32>
  %gates_1, %experts_1, %load_balance_1 = effattn.moe_route
      ins(%out_23, %concept_layers_1_experts_router : tensor<?x?x160xf32>, tensor<160x4xf32>)
      outs(%init_74, %init_75, %init_76 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_77 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_24 = effattn.moe_ffn
      ins(%out_23, %gates_1, %experts_1, %concept_layers_1_experts_gate, %concept_layers_1_experts_up, %concept_layers_1_experts_down
          : tensor<?x?x160xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<4x160x96xf32>, tensor<4x160x96xf32>, tensor<4x96x160xf32>)
      outs(%init_77 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>}
  %init_78 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_10 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_9, %out_24 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_78 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_79 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_25, %state = effattn.dechunk resume
      ins(%add_10, %p, %mask : tensor<?x?x160xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      residual(%add_4 : tensor<?x?x160xf32>)
      outs(%init_79, %state_stage_average : tensor<?x?x160xf32>, tensor<?x160xf32>) {epsilon = 0.0}
  %init_80 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_26, %state_1 = effattn.dechunk resume
      ins(%add_10, %p, %mask : tensor<?x?x160xf32>, tensor<?x?xf32>, tensor<?x?xi1>)
      outs(%init_80, %state_stage_average : tensor<?x?x160xf32>, tensor<?x160xf32>) {epsilon = 0.0}
  %count_2 = arith.index_cast %S1 : index to i64
  %count_3 = tensor.from_elements %count_2 : tensor<i64>
  %init_81 = tensor.empty(%S0) : tensor<?xi64>
  %add_11 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_stage_seen, %count_3 : tensor<?xi64>, tensor<i64>)
      outs(%init_81 : tensor<?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?xi64>
  %init_82 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_27 = effattn.rms_norm
      ins(%out_25, %decoder_0_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_82 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_83 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros_14 = linalg.fill ins(%zero : f32) outs(%init_83 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_14 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_27, %decoder_0_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_14 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %init_84 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros_15 = linalg.fill ins(%zero : f32) outs(%init_84 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_15 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_26, %decoder_0_attention_mix_concepts_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_15 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %init_85 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %add_12 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_14, %matmul_15 : tensor<?x?x480xf32>, tensor<?x?x480xf32>)
      outs(%init_85 : tensor<?x?x480xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x480xf32>
  %reshape_11 = tensor.expand_shape %add_12 [[0], [1], [2, 3]] output_shape [%S0, %S1, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_86 = tensor.empty(%S0, %S1) : tensor<?x15x?x32xf32>
  %transpose_8 = linalg.transpose ins(%reshape_11 : tensor<?x?x15x32xf32>) outs(%init_86 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_12 = tensor.extract_slice %transpose_8[0, 0, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_13 = tensor.extract_slice %transpose_8[0, 5, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_14 = tensor.extract_slice %transpose_8[0, 10, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_87 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_28 = effattn.rotary_embedding ins(%part_12, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_87 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_88 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_29 = effattn.rotary_embedding ins(%part_13, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_88 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_6, %values_6, %state_flags_4, %length_6, %separator_end_4 = effattn.separator_cache_append
      ins(%out_29, %part_14, %is_separator : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>)
      outs(%state_decoder_0_attention_keys, %state_decoder_0_attention_values, %state_decoder_0_attention_flags, %state_decoder_0_attention_length, %state_decoder_0_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_89 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_30 = effattn.attention
      ins(%out_28, %keys_6, %values_6 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_6 : tensor<?xi64>) outs(%init_89 : tensor<?x5x?x32xf32>) mask {
    %separator_mask_2 = effattn.separator_mask %state_flags_4 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_2 : !effattn.mask
  }
  %init_90 = tensor.empty(%S0, %S1) : tensor<?x?x5x32xf32>
  %transpose_9 = linalg.transpose ins(%out_30 : tensor<?x5x?x32xf32>) outs(%init_90 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_12 = tensor.collapse_shape %transpose_9 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_91 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_16 = linalg.fill ins(%zero : f32) outs(%init_91 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_16 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_12, %decoder_0_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_16 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %keys_7, %values_7, %state_flags_5, %length_7, %separator_end_5 = effattn.separator_cache_compact
      outs(%keys_6, %values_6, %state_flags_4, %length_6, %separator_end_4
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_92 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %add_13 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_25, %matmul_16 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_92 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_93 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_31 = effattn.hourglass_ffn
      ins(%add_13, %decoder_0_ffn_norm, %decoder_0_ffn_gate, %decoder_0_ffn_up, %decoder_0_ffn_down
          : tensor<?x?x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_93 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_94 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_32 = effattn.rms_norm
      ins(%out_31, %decoder_1_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_94 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_95 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros_17 = linalg.fill ins(%zero : f32) outs(%init_95 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_17 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_32, %decoder_1_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_17 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %init_96 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %zeros_18 = linalg.fill ins(%zero : f32) outs(%init_96 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_18 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_26, %decoder_1_attention_mix_concepts_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_18 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %init_97 = tensor.empty(%S0, %S1) : tensor<?x?x480xf32>
  %add_14 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_17, %matmul_18 : tensor<?x?x480xf32>, tensor<?x?x480xf32>)
      outs(%init_97 : tensor<?x?x480xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x480xf32>
  %reshape_13 = tensor.expand_shape %add_14 [[0], [1], [2, 3]] output_shape [%S0, %S1, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_98 = tensor.empty(%S0, %S1) : tensor<?x15x?x32xf32>
  %transpose_10 = linalg.transpose ins(%reshape_13 : tensor<?x?x15x32xf32>) outs(%init_98 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_15 = tensor.extract_slice %transpose_10[0, 0, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_16 = tensor.extract_slice %transpose_10[0, 5, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_17 = tensor.extract_slice %transpose_10[0, 10, 0, 0] [%S0, 5, %S1, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_99 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_33 = effattn.rotary_embedding ins(%part_15, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_99 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_100 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_34 = effattn.rotary_embedding ins(%part_16, %add : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_100 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_8, %values_8, %state_flags_6, %length_8, %separator_end_6 = effattn.separator_cache_append
      ins(%out_34, %part_17, %is_separator : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>)
      outs(%state_decoder_1_attention_keys, %state_decoder_1_attention_values, %state_decoder_1_attention_flags, %state_decoder_1_attention_length, %state_decoder_1_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_101 = tensor.empty(%S0, %S1) : tensor<?x5x?x32xf32>
  %out_35 = effattn.attention
      ins(%out_33, %keys_8, %values_8 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_8 : tensor<?xi64>) outs(%init_101 : tensor<?x5x?x32xf32>) mask {
    %separator_mask_3 = effattn.separator_mask %state_flags_6 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_3 : !effattn.mask
  }
  %init_102 = tensor.empty(%S0, %S1) : tensor<?x?x5x32xf32>
  %transpose_11 = linalg.transpose ins(%out_35 : tensor<?x5x?x32xf32>) outs(%init_102 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_14 = tensor.collapse_shape %transpose_11 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_103 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %zeros_19 = linalg.fill ins(%zero : f32) outs(%init_103 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_19 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_14, %decoder_1_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_19 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %keys_9, %values_9, %state_flags_7, %length_9, %separator_end_7 = effattn.separator_cache_compact
      outs(%keys_8, %values_8, %state_flags_6, %length_8, %separator_end_6
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_104 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %add_15 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_31, %matmul_19 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_104 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_105 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_36 = effattn.hourglass_ffn
      ins(%add_15, %decoder_1_ffn_norm, %decoder_1_ffn_gate, %decoder_1_ffn_up, %decoder_1_ffn_down
          : tensor<?x?x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_105 : tensor<?x?x160xf32>)
      {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_106 = tensor.empty(%S0, %S1) : tensor<?x?x160xf32>
  %out_37 = effattn.rms_norm ins(%out_36, %norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_106 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_107 = tensor.empty() : tensor<256xi64>
  %arange_3 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_107 : tensor<256xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<256xi64>
  %init_108 = tensor.empty() : tensor<256x160xf32>
  %out_38 = effattn.tensor_train_embedding
      ins(%arange_3, %table_cores_0, %table_cores_1, %table_cores_2
          : tensor<256xi64>, tensor<1x8x4x24xf32>, tensor<24x8x8x16xf32>, tensor<16x4x5x1xf32>)
      outs(%init_108 : tensor<256x160xf32>) {vocabulary = 256}
  %init_109 = tensor.empty() : tensor<160x256xf32>
  %transpose_12 = linalg.transpose ins(%out_38 : tensor<256x160xf32>) outs(%init_109 : tensor<160x256xf32>) permutation = [1, 0]
  %init_110 = tensor.empty(%S0, %S1) : tensor<?x?x256xf32>
  %zeros_20 = linalg.fill ins(%zero : f32) outs(%init_110 : tensor<?x?x256xf32>) -> tensor<?x?x256xf32>
  %matmul_20 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_37, %out_38 : tensor<?x?x160xf32>, tensor<256x160xf32>)
      outs(%zeros_20 : tensor<?x?x256xf32>) -> tensor<?x?x256xf32>
  return %matmul_20, %mask, %indices, %indices_1, %add_1, %keys_1, %values_1, %state_flags_1, %length_1, %separator_end_1, %keys_3, %values_3, %state_flags_3, %length_3, %separator_end_3, %memory, %mass, %last, %state_1, %add_11, %keys_4, %values_4, %length_4, %keys_5, %values_5, %length_5, %keys_7, %values_7, %state_flags_5, %length_7, %separator_end_5, %keys_9, %values_9, %state_flags_7, %length_9, %separator_end_7 : tensor<?x?x256xf32>, tensor<?x?xi1>, tensor<?x?x4xi32>, tensor<?x?x4xi32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x512x64xf32>, tensor<?x512xf32>, tensor<?x160xf32>, tensor<?x160xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>
}

func.func @decode(
    %ids: tensor<?x1xi64> {effattn.name = "ids", effattn.shape = "S0 1"},
    %state_seen: tensor<?xi64> {effattn.name = "state_seen", effattn.shape = "S0"},
    %state_encoder_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_0_attention_keys", effattn.shape = "S0 5 S2 32"},
    %state_encoder_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_0_attention_values", effattn.shape = "S0 5 S2 32"},
    %state_encoder_0_attention_flags: tensor<?x?xi1> {effattn.name = "state_encoder_0_attention_flags", effattn.shape = "S0 S2"},
    %state_encoder_0_attention_length: tensor<?xi64> {effattn.name = "state_encoder_0_attention_length", effattn.shape = "S0"},
    %state_encoder_0_attention_separator_end: tensor<?xi64> {effattn.name = "state_encoder_0_attention_separator_end", effattn.shape = "S0"},
    %state_encoder_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_1_attention_keys", effattn.shape = "S0 5 S5 32"},
    %state_encoder_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_encoder_1_attention_values", effattn.shape = "S0 5 S5 32"},
    %state_encoder_1_attention_flags: tensor<?x?xi1> {effattn.name = "state_encoder_1_attention_flags", effattn.shape = "S0 S5"},
    %state_encoder_1_attention_length: tensor<?xi64> {effattn.name = "state_encoder_1_attention_length", effattn.shape = "S0"},
    %state_encoder_1_attention_separator_end: tensor<?xi64> {effattn.name = "state_encoder_1_attention_separator_end", effattn.shape = "S0"},
    %state_memory_contents: tensor<?x512x64xf32> {effattn.name = "state_memory_contents", effattn.shape = "S0 512 64"},
    %state_memory_mass: tensor<?x512xf32> {effattn.name = "state_memory_mass", effattn.shape = "S0 512"},
    %state_stage_key: tensor<?x160xf32> {effattn.name = "state_stage_key", effattn.shape = "S0 160"},
    %state_stage_average: tensor<?x160xf32> {effattn.name = "state_stage_average", effattn.shape = "S0 160"},
    %state_stage_seen: tensor<?xi64> {effattn.name = "state_stage_seen", effattn.shape = "S0"},
    %state_concept_layers_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_0_attention_keys", effattn.shape = "S0 5 S9 32"},
    %state_concept_layers_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_0_attention_values", effattn.shape = "S0 5 S9 32"},
    %state_concept_layers_0_attention_length: tensor<?xi64> {effattn.name = "state_concept_layers_0_attention_length", effattn.shape = "S0"},
    %state_concept_layers_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_1_attention_keys", effattn.shape = "S0 5 S10 32"},
    %state_concept_layers_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_concept_layers_1_attention_values", effattn.shape = "S0 5 S10 32"},
    %state_concept_layers_1_attention_length: tensor<?xi64> {effattn.name = "state_concept_layers_1_attention_length", effattn.shape = "S0"},
    %state_decoder_0_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_0_attention_keys", effattn.shape = "S0 5 S11 32"},
    %state_decoder_0_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_0_attention_values", effattn.shape = "S0 5 S11 32"},
    %state_decoder_0_attention_flags: tensor<?x?xi1> {effattn.name = "state_decoder_0_attention_flags", effattn.shape = "S0 S11"},
    %state_decoder_0_attention_length: tensor<?xi64> {effattn.name = "state_decoder_0_attention_length", effattn.shape = "S0"},
    %state_decoder_0_attention_separator_end: tensor<?xi64> {effattn.name = "state_decoder_0_attention_separator_end", effattn.shape = "S0"},
    %state_decoder_1_attention_keys: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_1_attention_keys", effattn.shape = "S0 5 S12 32"},
    %state_decoder_1_attention_values: tensor<?x5x?x32xf32> {effattn.name = "state_decoder_1_attention_values", effattn.shape = "S0 5 S12 32"},
    %state_decoder_1_attention_flags: tensor<?x?xi1> {effattn.name = "state_decoder_1_attention_flags", effattn.shape = "S0 S12"},
    %state_decoder_1_attention_length: tensor<?xi64> {effattn.name = "state_decoder_1_attention_length", effattn.shape = "S0"},
    %state_decoder_1_attention_separator_end: tensor<?xi64> {effattn.name = "state_decoder_1_attention_separator_end", effattn.shape = "S0"},
    %table_cores_0: tensor<1x8x4x24xf32> {effattn.name = "table_cores_0", effattn.shape = "1 8 4 24"},
    %table_cores_1: tensor<24x8x8x16xf32> {effattn.name = "table_cores_1", effattn.shape = "24 8 8 16"},
    %table_cores_2: tensor<16x4x5x1xf32> {effattn.name = "table_cores_2", effattn.shape = "16 4 5 1"},
    %encoder_0_norm_weight: tensor<160xf32> {effattn.name = "encoder_0_norm_weight", effattn.shape = "160"},
    %encoder_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "encoder_0_attention_mix_weight", effattn.shape = "480 160"},
    %encoder_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "encoder_0_attention_output_weight", effattn.shape = "160 160"},
    %encoder_0_ffn_norm: tensor<3x160xf32> {effattn.name = "encoder_0_ffn_norm", effattn.shape = "3 160"},
    %encoder_0_ffn_gate: tensor<3x160x80xf32> {effattn.name = "encoder_0_ffn_gate", effattn.shape = "3 160 80"},
    %encoder_0_ffn_up: tensor<3x160x80xf32> {effattn.name = "encoder_0_ffn_up", effattn.shape = "3 160 80"},
    %encoder_0_ffn_down: tensor<3x80x160xf32> {effattn.name = "encoder_0_ffn_down", effattn.shape = "3 80 160"},
    %encoder_1_norm_weight: tensor<160xf32> {effattn.name = "encoder_1_norm_weight", effattn.shape = "160"},
    %encoder_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "encoder_1_attention_mix_weight", effattn.shape = "480 160"},
    %encoder_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "encoder_1_attention_output_weight", effattn.shape = "160 160"},
    %encoder_1_ffn_norm: tensor<3x160xf32> {effattn.name = "encoder_1_ffn_norm", effattn.shape = "3 160"},
    %encoder_1_ffn_gate: tensor<3x160x80xf32> {effattn.name = "encoder_1_ffn_gate", effattn.shape = "3 160 80"},
    %encoder_1_ffn_up: tensor<3x160x80xf32> {effattn.name = "encoder_1_ffn_up", effattn.shape = "3 160 80"},
    %encoder_1_ffn_down: tensor<3x80x160xf32> {effattn.name = "encoder_1_ffn_down", effattn.shape = "3 80 160"},
    %memory_norm_weight: tensor<160xf32> {effattn.name = "memory_norm_weight", effattn.shape = "160"},
    %memory_write_weight: tensor<24x160xf32> {effattn.name = "memory_write_weight", effattn.shape = "24 160"},
    %memory_read_weight: tensor<24x160xf32> {effattn.name = "memory_read_weight", effattn.shape = "24 160"},
    %memory_value_weight: tensor<64x160xf32> {effattn.name = "memory_value_weight", effattn.shape = "64 160"},
    %memory_output_weight: tensor<160x64xf32> {effattn.name = "memory_output_weight", effattn.shape = "160 64"},
    %stage_query_weight: tensor<160x160xf32> {effattn.name = "stage_query_weight", effattn.shape = "160 160"},
    %stage_key_weight: tensor<160x160xf32> {effattn.name = "stage_key_weight", effattn.shape = "160 160"},
    %concept_layers_0_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_0_norm_weight", effattn.shape = "160"},
    %concept_layers_0_expert_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_0_expert_norm_weight", effattn.shape = "160"},
    %concept_layers_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "concept_layers_0_attention_mix_weight", effattn.shape = "480 160"},
    %concept_layers_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "concept_layers_0_attention_output_weight", effattn.shape = "160 160"},
    %concept_layers_0_experts_router: tensor<160x4xf32> {effattn.name = "concept_layers_0_experts_router", effattn.shape = "160 4"},
    %concept_layers_0_experts_gate: tensor<4x160x96xf32> {effattn.name = "concept_layers_0_experts_gate", effattn.shape = "4 160 96"},
    %concept_layers_0_experts_up: tensor<4x160x96xf32> {effattn.name = "concept_layers_0_experts_up", effattn.shape = "4 160 96"},
    %concept_layers_0_experts_down: tensor<4x96x160xf32> {effattn.name = "concept_layers_0_experts_down", effattn.shape = "4 96 160"},
    %concept_layers_1_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_1_norm_weight", effattn.shape = "160"},
    %concept_layers_1_expert_norm_weight: tensor<160xf32> {effattn.name = "concept_layers_1_expert_norm_weight", effattn.shape = "160"},
    %concept_layers_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "concept_layers_1_attention_mix_weight", effattn.shape = "480 160"},
    %concept_layers_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "concept_layers_1_attention_output_weight", effattn.shape = "160 160"},
    %concept_layers_1_experts_router: tensor<160x4xf32> {effattn.name = "concept_layers_1_experts_router", effattn.shape = "160 4"},
    %concept_layers_1_experts_gate: tensor<4x160x96xf32> {effattn.name = "concept_layers_1_experts_gate", effattn.shape = "4 160 96"},
    %concept_layers_1_experts_up: tensor<4x160x96xf32> {effattn.name = "concept_layers_1_experts_up", effattn.shape = "4 160 96"},
    %concept_layers_1_experts_down: tensor<4x96x160xf32> {effattn.name = "concept_layers_1_experts_down", effattn.shape = "4 96 160"},
    %decoder_0_norm_weight: tensor<160xf32> {effattn.name = "decoder_0_norm_weight", effattn.shape = "160"},
    %decoder_0_attention_mix_weight: tensor<480x160xf32> {effattn.name = "decoder_0_attention_mix_weight", effattn.shape = "480 160"},
    %decoder_0_attention_mix_concepts_weight: tensor<480x160xf32> {effattn.name = "decoder_0_attention_mix_concepts_weight", effattn.shape = "480 160"},
    %decoder_0_attention_output_weight: tensor<160x160xf32> {effattn.name = "decoder_0_attention_output_weight", effattn.shape = "160 160"},
    %decoder_0_ffn_norm: tensor<3x160xf32> {effattn.name = "decoder_0_ffn_norm", effattn.shape = "3 160"},
    %decoder_0_ffn_gate: tensor<3x160x80xf32> {effattn.name = "decoder_0_ffn_gate", effattn.shape = "3 160 80"},
    %decoder_0_ffn_up: tensor<3x160x80xf32> {effattn.name = "decoder_0_ffn_up", effattn.shape = "3 160 80"},
    %decoder_0_ffn_down: tensor<3x80x160xf32> {effattn.name = "decoder_0_ffn_down", effattn.shape = "3 80 160"},
    %decoder_1_norm_weight: tensor<160xf32> {effattn.name = "decoder_1_norm_weight", effattn.shape = "160"},
    %decoder_1_attention_mix_weight: tensor<480x160xf32> {effattn.name = "decoder_1_attention_mix_weight", effattn.shape = "480 160"},
    %decoder_1_attention_mix_concepts_weight: tensor<480x160xf32> {effattn.name = "decoder_1_attention_mix_concepts_weight", effattn.shape = "480 160"},
    %decoder_1_attention_output_weight: tensor<160x160xf32> {effattn.name = "decoder_1_attention_output_weight", effattn.shape = "160 160"},
    %decoder_1_ffn_norm: tensor<3x160xf32> {effattn.name = "decoder_1_ffn_norm", effattn.shape = "3 160"},
    %decoder_1_ffn_gate: tensor<3x160x80xf32> {effattn.name = "decoder_1_ffn_gate", effattn.shape = "3 160 80"},
    %decoder_1_ffn_up: tensor<3x160x80xf32> {effattn.name = "decoder_1_ffn_up", effattn.shape = "3 160 80"},
    %decoder_1_ffn_down: tensor<3x80x160xf32> {effattn.name = "decoder_1_ffn_down", effattn.shape = "3 80 160"},
    %norm_weight: tensor<160xf32> {effattn.name = "norm_weight", effattn.shape = "160"},
    %separators: tensor<256xi1> {effattn.name = "separators", effattn.shape = "256"})
    -> (tensor<?x1x256xf32> {effattn.shape = "S0 1 256"},
        tensor<?x1xi1> {effattn.shape = "S0 1"},
        tensor<?x1x4xi32> {effattn.shape = "S0 1 4"},
        tensor<?x1x4xi32> {effattn.shape = "S0 1 4"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S2 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S2 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S2"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S5 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S5 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S5"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x512x64xf32> {effattn.shape = "S0 512 64"},
        tensor<?x512xf32> {effattn.shape = "S0 512"},
        tensor<?x160xf32> {effattn.shape = "S0 160"},
        tensor<?x160xf32> {effattn.shape = "S0 160"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S9 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S9 32"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S10 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S10 32"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S11 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S11 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S11"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S12 32"},
        tensor<?x5x?x32xf32> {effattn.shape = "S0 5 S12 32"},
        tensor<?x?xi1> {effattn.shape = "S0 S12"},
        tensor<?xi64> {effattn.shape = "S0"},
        tensor<?xi64> {effattn.shape = "S0"}) {
  %c0 = arith.constant 0 : index
  %S0 = tensor.dim %ids, %c0 : tensor<?x1xi64>
  %init = tensor.empty(%S0) : tensor<?x1xi1>
  %is_separator = effattn.separator_positions ins(%ids : tensor<?x1xi64>)
      bitmap(%separators : tensor<256xi1>) outs(%init : tensor<?x1xi1>)
  %reshape = tensor.expand_shape %state_seen [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_1 = tensor.empty() : tensor<1xi64>
  %arange = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_1 : tensor<1xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<1xi64>
  %init_2 = tensor.empty(%S0) : tensor<?x1xi64>
  %add = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape, %arange : tensor<?x1xi64>, tensor<1xi64>)
      outs(%init_2 : tensor<?x1xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x1xi64>
  %init_3 = tensor.empty(%S0) : tensor<?xi64>
  %add_1 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_seen : tensor<?xi64>)
      outs(%init_3 : tensor<?xi64>) {
  ^bb0(%x0.e: i64, %out.e: i64):
    %t0.e = arith.constant 1 : i64
    %t1.e = arith.addi %x0.e, %t0.e : i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_4 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out = effattn.tensor_train_embedding
      ins(%ids, %table_cores_0, %table_cores_1, %table_cores_2
          : tensor<?x1xi64>, tensor<1x8x4x24xf32>, tensor<24x8x8x16xf32>, tensor<16x4x5x1xf32>)
      outs(%init_4 : tensor<?x1x160xf32>) {vocabulary = 256}
  %init_5 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_1 = effattn.rms_norm ins(%out, %encoder_0_norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_5 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %zero = arith.constant 0.0 : f32
  %init_6 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%init_6 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_1, %encoder_0_attention_mix_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %reshape_1 = tensor.expand_shape %matmul [[0], [1], [2, 3]] output_shape [%S0, 1, 15, 32] : tensor<?x1x480xf32> into tensor<?x1x15x32xf32>
  %init_7 = tensor.empty(%S0) : tensor<?x15x1x32xf32>
  %transpose = linalg.transpose ins(%reshape_1 : tensor<?x1x15x32xf32>) outs(%init_7 : tensor<?x15x1x32xf32>) permutation = [0, 2, 1, 3]
  %part = tensor.extract_slice %transpose[0, 0, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_1 = tensor.extract_slice %transpose[0, 5, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_2 = tensor.extract_slice %transpose[0, 10, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %init_8 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_2 = effattn.rotary_embedding ins(%part, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_8 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_9 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_3 = effattn.rotary_embedding ins(%part_1, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_9 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys, %values, %state_flags, %length, %separator_end = effattn.separator_cache_append
      ins(%out_3, %part_2, %is_separator : tensor<?x5x1x32xf32>, tensor<?x5x1x32xf32>, tensor<?x1xi1>)
      outs(%state_encoder_0_attention_keys, %state_encoder_0_attention_values, %state_encoder_0_attention_flags, %state_encoder_0_attention_length, %state_encoder_0_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_10 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_4 = effattn.attention
      ins(%out_2, %keys, %values : tensor<?x5x1x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length : tensor<?xi64>) outs(%init_10 : tensor<?x5x1x32xf32>) mask {
    %separator_mask = effattn.separator_mask %state_flags : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask : !effattn.mask
  }
  %init_11 = tensor.empty(%S0) : tensor<?x1x5x32xf32>
  %transpose_1 = linalg.transpose ins(%out_4 : tensor<?x5x1x32xf32>) outs(%init_11 : tensor<?x1x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_2 = tensor.collapse_shape %transpose_1 [[0], [1], [2, 3]] : tensor<?x1x5x32xf32> into tensor<?x1x160xf32>
  %init_12 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_1 = linalg.fill ins(%zero : f32) outs(%init_12 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_1 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_2, %encoder_0_attention_output_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_1 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %keys_1, %values_1, %state_flags_1, %length_1, %separator_end_1 = effattn.separator_cache_compact
      outs(%keys, %values, %state_flags, %length, %separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_13 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %add_2 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out, %matmul_1 : tensor<?x1x160xf32>, tensor<?x1x160xf32>)
      outs(%init_13 : tensor<?x1x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x160xf32>
  %init_14 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_5 = effattn.hourglass_ffn
      ins(%add_2, %encoder_0_ffn_norm, %encoder_0_ffn_gate, %encoder_0_ffn_up, %encoder_0_ffn_down
          : tensor<?x1x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_14 : tensor<?x1x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_15 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_6 = effattn.rms_norm ins(%out_5, %encoder_1_norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_15 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_16 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros_2 = linalg.fill ins(%zero : f32) outs(%init_16 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul_2 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_6, %encoder_1_attention_mix_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros_2 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %reshape_3 = tensor.expand_shape %matmul_2 [[0], [1], [2, 3]] output_shape [%S0, 1, 15, 32] : tensor<?x1x480xf32> into tensor<?x1x15x32xf32>
  %init_17 = tensor.empty(%S0) : tensor<?x15x1x32xf32>
  %transpose_2 = linalg.transpose ins(%reshape_3 : tensor<?x1x15x32xf32>) outs(%init_17 : tensor<?x15x1x32xf32>) permutation = [0, 2, 1, 3]
  %part_3 = tensor.extract_slice %transpose_2[0, 0, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_4 = tensor.extract_slice %transpose_2[0, 5, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_5 = tensor.extract_slice %transpose_2[0, 10, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %init_18 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_7 = effattn.rotary_embedding ins(%part_3, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_18 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_19 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_8 = effattn.rotary_embedding ins(%part_4, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_19 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_2, %values_2, %state_flags_2, %length_2, %separator_end_2 = effattn.separator_cache_append
      ins(%out_8, %part_5, %is_separator : tensor<?x5x1x32xf32>, tensor<?x5x1x32xf32>, tensor<?x1xi1>)
      outs(%state_encoder_1_attention_keys, %state_encoder_1_attention_values, %state_encoder_1_attention_flags, %state_encoder_1_attention_length, %state_encoder_1_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_20 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_9 = effattn.attention
      ins(%out_7, %keys_2, %values_2 : tensor<?x5x1x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_2 : tensor<?xi64>) outs(%init_20 : tensor<?x5x1x32xf32>) mask {
    %separator_mask_1 = effattn.separator_mask %state_flags_2 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_1 : !effattn.mask
  }
  %init_21 = tensor.empty(%S0) : tensor<?x1x5x32xf32>
  %transpose_3 = linalg.transpose ins(%out_9 : tensor<?x5x1x32xf32>) outs(%init_21 : tensor<?x1x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_4 = tensor.collapse_shape %transpose_3 [[0], [1], [2, 3]] : tensor<?x1x5x32xf32> into tensor<?x1x160xf32>
  %init_22 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_3 = linalg.fill ins(%zero : f32) outs(%init_22 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_3 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_4, %encoder_1_attention_output_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_3 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %keys_3, %values_3, %state_flags_3, %length_3, %separator_end_3 = effattn.separator_cache_compact
      outs(%keys_2, %values_2, %state_flags_2, %length_2, %separator_end_2
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_23 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %add_3 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_5, %matmul_3 : tensor<?x1x160xf32>, tensor<?x1x160xf32>)
      outs(%init_23 : tensor<?x1x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x160xf32>
  %init_24 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_10 = effattn.hourglass_ffn
      ins(%add_3, %encoder_1_ffn_norm, %encoder_1_ffn_gate, %encoder_1_ffn_up, %encoder_1_ffn_down
          : tensor<?x1x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_24 : tensor<?x1x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_25 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_11 = effattn.rms_norm ins(%out_10, %memory_norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_25 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_26 = tensor.empty(%S0) : tensor<?x1x24xf32>
  %zeros_4 = linalg.fill ins(%zero : f32) outs(%init_26 : tensor<?x1x24xf32>) -> tensor<?x1x24xf32>
  %matmul_4 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_write_weight : tensor<?x1x160xf32>, tensor<24x160xf32>)
      outs(%zeros_4 : tensor<?x1x24xf32>) -> tensor<?x1x24xf32>
  %init_27 = tensor.empty(%S0) : tensor<?x1x4xf32>
  %init_28 = tensor.empty(%S0) : tensor<?x1x4xi32>
  %weights, %indices = effattn.address_decode ins(%matmul_4 : tensor<?x1x24xf32>)
      positions(%add : tensor<?x1xi64>)
      outs(%init_27, %init_28 : tensor<?x1x4xf32>, tensor<?x1x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}
  %init_29 = tensor.empty(%S0) : tensor<?x1x24xf32>
  %zeros_5 = linalg.fill ins(%zero : f32) outs(%init_29 : tensor<?x1x24xf32>) -> tensor<?x1x24xf32>
  %matmul_5 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_read_weight : tensor<?x1x160xf32>, tensor<24x160xf32>)
      outs(%zeros_5 : tensor<?x1x24xf32>) -> tensor<?x1x24xf32>
  %init_30 = tensor.empty(%S0) : tensor<?x1x4xf32>
  %init_31 = tensor.empty(%S0) : tensor<?x1x4xi32>
  %weights_1, %indices_1 = effattn.address_decode ins(%matmul_5 : tensor<?x1x24xf32>)
      positions(%add : tensor<?x1xi64>)
      outs(%init_30, %init_31 : tensor<?x1x4xf32>, tensor<?x1x4xi32>)
      {digits = 3, k = 4, temperature = 1.0, normalize = true, mode = #effattn.shift<digits>}
  %init_32 = tensor.empty(%S0) : tensor<?x1x64xf32>
  %zeros_6 = linalg.fill ins(%zero : f32) outs(%init_32 : tensor<?x1x64xf32>) -> tensor<?x1x64xf32>
  %matmul_6 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_11, %memory_value_weight : tensor<?x1x160xf32>, tensor<64x160xf32>)
      outs(%zeros_6 : tensor<?x1x64xf32>) -> tensor<?x1x64xf32>
  %init_33 = tensor.empty(%S0) : tensor<?x1x64xf32>
  %out_12, %memory, %mass = effattn.address_memory
      ins(%weights, %indices, %matmul_6, %weights_1, %indices_1
          : tensor<?x1x4xf32>, tensor<?x1x4xi32>, tensor<?x1x64xf32>, tensor<?x1x4xf32>, tensor<?x1x4xi32>)
      outs(%init_33, %state_memory_contents, %state_memory_mass
          : tensor<?x1x64xf32>, tensor<?x512x64xf32>, tensor<?x512xf32>)
      {gamma = 1.0, epsilon = 1.0e-06}
  %init_34 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_7 = linalg.fill ins(%zero : f32) outs(%init_34 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_7 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_12, %memory_output_weight : tensor<?x1x64xf32>, tensor<160x64xf32>)
      outs(%zeros_7 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %init_35 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %add_4 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_10, %matmul_7 : tensor<?x1x160xf32>, tensor<?x1x160xf32>)
      outs(%init_35 : tensor<?x1x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x160xf32>
  %init_36 = tensor.empty(%S0) : tensor<?xi1>
  %gt = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_stage_seen : tensor<?xi64>)
      outs(%init_36 : tensor<?xi1>) {
  ^bb0(%x0.e: i64, %out.e: i1):
    %t0.e = arith.constant 0 : i64
    %t1.e = arith.cmpi sgt, %x0.e, %t0.e : i64
    linalg.yield %t1.e : i1
  } -> tensor<?xi1>
  %init_37 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_8 = linalg.fill ins(%zero : f32) outs(%init_37 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_8 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_4, %stage_query_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_8 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %init_38 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_9 = linalg.fill ins(%zero : f32) outs(%init_38 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_9 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%add_4, %stage_key_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_9 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %init_39 = tensor.empty(%S0) : tensor<?x1xf32>
  %p, %last = effattn.boundary_probability resume
      ins(%matmul_8, %matmul_9 : tensor<?x1x160xf32>, tensor<?x1x160xf32>) started(%gt : tensor<?xi1>)
      outs(%init_39, %state_stage_key : tensor<?x1xf32>, tensor<?x160xf32>)
      {pairing = #effattn.pairing<current_query>}
  %init_40 = tensor.empty(%S0) : tensor<?x1xi1>
  %mask = effattn.boundary_mask ins(%p : tensor<?x1xf32>) outs(%init_40 : tensor<?x1xi1>)
      {threshold = 0.5, strict = false}
  %init_41 = tensor.empty(%S0) : tensor<?xi32>
  %init_42 = tensor.empty() : tensor<i32>
  %counts, %largest = effattn.boundary_count ins(%mask : tensor<?x1xi1>)
      outs(%init_41, %init_42 : tensor<?xi32>, tensor<i32>)
  %item = tensor.extract %largest[] : tensor<i32>
  %N = arith.index_cast %item : i32 to index
  %init_43 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %init_44 = tensor.empty(%S0) : tensor<?xi32>
  %concepts, %counts_1 = effattn.chunk ins(%add_4, %mask : tensor<?x1x160xf32>, tensor<?x1xi1>)
      outs(%init_43, %init_44 : tensor<?x?x160xf32>, tensor<?xi32>)
      {overflow = #effattn.overflow<error>}
  %init_45 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_13 = effattn.rms_norm
      ins(%concepts, %concept_layers_0_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_45 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %reshape_5 = tensor.expand_shape %state_concept_layers_0_attention_length [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_46 = tensor.empty(%N) : tensor<?xi64>
  %arange_1 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_46 : tensor<?xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_47 = tensor.empty(%S0, %N) : tensor<?x?xi64>
  %add_5 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape_5, %arange_1 : tensor<?x1xi64>, tensor<?xi64>)
      outs(%init_47 : tensor<?x?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x?xi64>
  %init_48 = tensor.empty(%S0, %N) : tensor<?x?x480xf32>
  %zeros_10 = linalg.fill ins(%zero : f32) outs(%init_48 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_10 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_13, %concept_layers_0_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_10 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_6 = tensor.expand_shape %matmul_10 [[0], [1], [2, 3]] output_shape [%S0, %N, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_49 = tensor.empty(%S0, %N) : tensor<?x15x?x32xf32>
  %transpose_4 = linalg.transpose ins(%reshape_6 : tensor<?x?x15x32xf32>) outs(%init_49 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_6 = tensor.extract_slice %transpose_4[0, 0, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_7 = tensor.extract_slice %transpose_4[0, 5, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_8 = tensor.extract_slice %transpose_4[0, 10, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_50 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_14 = effattn.rotary_embedding ins(%part_6, %add_5 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_50 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_51 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_15 = effattn.rotary_embedding ins(%part_7, %add_5 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_51 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_4, %values_4, %length_4 = effattn.kv_cache_append
      ins(%out_15, %part_8 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>)
      outs(%state_concept_layers_0_attention_keys, %state_concept_layers_0_attention_values, %state_concept_layers_0_attention_length
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>) {ring = false}
  %init_52 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_16 = effattn.attention
      ins(%out_14, %keys_4, %values_4 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%length_4 : tensor<?xi64>)
      outs(%init_52 : tensor<?x5x?x32xf32>) mask {
    %causal_mask = effattn.causal_mask
    effattn.yield %causal_mask : !effattn.mask
  }
  %init_53 = tensor.empty(%S0, %N) : tensor<?x?x5x32xf32>
  %transpose_5 = linalg.transpose ins(%out_16 : tensor<?x5x?x32xf32>) outs(%init_53 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_7 = tensor.collapse_shape %transpose_5 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_54 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %zeros_11 = linalg.fill ins(%zero : f32) outs(%init_54 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_11 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_7, %concept_layers_0_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_11 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_55 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_6 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%concepts, %matmul_11 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_55 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_56 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_17 = effattn.rms_norm
      ins(%add_6, %concept_layers_0_expert_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_56 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_57 = tensor.empty(%S0, %N) : tensor<?x?x2xf32>
  %init_58 = tensor.empty(%S0, %N) : tensor<?x?x2xi32>
  %init_59 = tensor.empty() : tensor<f32>
  %gates, %experts, %load_balance = effattn.moe_route
      ins(%out_17, %concept_layers_0_experts_router : tensor<?x?x160xf32>, tensor<160x4xf32>)
      outs(%init_57, %init_58, %init_59 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_60 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_18 = effattn.moe_ffn
      ins(%out_17, %gates, %experts, %concept_layers_0_experts_gate, %concept_layers_0_experts_up, %concept_layers_0_experts_down
          : tensor<?x?x160xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<4x160x96xf32>, tensor<4x160x96xf32>, tensor<4x96x160xf32>)
      outs(%init_60 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>}
  %init_61 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_7 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_6, %out_18 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_61 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_62 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_19 = effattn.rms_norm
      ins(%add_7, %concept_layers_1_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_62 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %reshape_8 = tensor.expand_shape %state_concept_layers_1_attention_length [[0, 1]] output_shape [%S0, 1] : tensor<?xi64> into tensor<?x1xi64>
  %init_63 = tensor.empty(%N) : tensor<?xi64>
  %arange_2 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_63 : tensor<?xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_64 = tensor.empty(%S0, %N) : tensor<?x?xi64>
  %add_8 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1) -> (d0, 0)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>],
        iterator_types = ["parallel", "parallel"]}
      ins(%reshape_8, %arange_2 : tensor<?x1xi64>, tensor<?xi64>)
      outs(%init_64 : tensor<?x?xi64>) {
  ^bb0(%x0.e: i64, %x1.e: i64, %out.e: i64):
    %t0.e = arith.addi %x0.e, %x1.e : i64
    linalg.yield %t0.e : i64
  } -> tensor<?x?xi64>
  %init_65 = tensor.empty(%S0, %N) : tensor<?x?x480xf32>
  %zeros_12 = linalg.fill ins(%zero : f32) outs(%init_65 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %matmul_12 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_19, %concept_layers_1_attention_mix_weight : tensor<?x?x160xf32>, tensor<480x160xf32>)
      outs(%zeros_12 : tensor<?x?x480xf32>) -> tensor<?x?x480xf32>
  %reshape_9 = tensor.expand_shape %matmul_12 [[0], [1], [2, 3]] output_shape [%S0, %N, 15, 32] : tensor<?x?x480xf32> into tensor<?x?x15x32xf32>
  %init_66 = tensor.empty(%S0, %N) : tensor<?x15x?x32xf32>
  %transpose_6 = linalg.transpose ins(%reshape_9 : tensor<?x?x15x32xf32>) outs(%init_66 : tensor<?x15x?x32xf32>) permutation = [0, 2, 1, 3]
  %part_9 = tensor.extract_slice %transpose_6[0, 0, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_10 = tensor.extract_slice %transpose_6[0, 5, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %part_11 = tensor.extract_slice %transpose_6[0, 10, 0, 0] [%S0, 5, %N, 32] [1, 1, 1, 1] : tensor<?x15x?x32xf32> to tensor<?x5x?x32xf32>
  %init_67 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_20 = effattn.rotary_embedding ins(%part_9, %add_8 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_67 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_68 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_21 = effattn.rotary_embedding ins(%part_10, %add_8 : tensor<?x5x?x32xf32>, tensor<?x?xi64>)
      outs(%init_68 : tensor<?x5x?x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_5, %values_5, %length_5 = effattn.kv_cache_append
      ins(%out_21, %part_11 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>)
      outs(%state_concept_layers_1_attention_keys, %state_concept_layers_1_attention_values, %state_concept_layers_1_attention_length
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>) {ring = false}
  %init_69 = tensor.empty(%S0, %N) : tensor<?x5x?x32xf32>
  %out_22 = effattn.attention
      ins(%out_20, %keys_5, %values_5 : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      lengths(%counts_1 : tensor<?xi32>) key_lengths(%length_5 : tensor<?xi64>)
      outs(%init_69 : tensor<?x5x?x32xf32>) mask {
    %causal_mask_1 = effattn.causal_mask
    effattn.yield %causal_mask_1 : !effattn.mask
  }
  %init_70 = tensor.empty(%S0, %N) : tensor<?x?x5x32xf32>
  %transpose_7 = linalg.transpose ins(%out_22 : tensor<?x5x?x32xf32>) outs(%init_70 : tensor<?x?x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_10 = tensor.collapse_shape %transpose_7 [[0], [1], [2, 3]] : tensor<?x?x5x32xf32> into tensor<?x?x160xf32>
  %init_71 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %zeros_13 = linalg.fill ins(%zero : f32) outs(%init_71 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %matmul_13 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_10, %concept_layers_1_attention_output_weight : tensor<?x?x160xf32>, tensor<160x160xf32>)
      outs(%zeros_13 : tensor<?x?x160xf32>) -> tensor<?x?x160xf32>
  %init_72 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_9 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_7, %matmul_13 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_72 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_73 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_23 = effattn.rms_norm
      ins(%add_9, %concept_layers_1_expert_norm_weight : tensor<?x?x160xf32>, tensor<160xf32>)
      outs(%init_73 : tensor<?x?x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_74 = tensor.empty(%S0, %N) : tensor<?x?x2xf32>
  %init_75 = tensor.empty(%S0, %N) : tensor<?x?x2xi32>
  %init_76 = tensor.empty() : tensor<f32>
  %gates_1, %experts_1, %load_balance_1 = effattn.moe_route
      ins(%out_23, %concept_layers_1_experts_router : tensor<?x?x160xf32>, tensor<160x4xf32>)
      outs(%init_74, %init_75, %init_76 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>)
      {k = 2, normalize = true}
  %init_77 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %out_24 = effattn.moe_ffn
      ins(%out_23, %gates_1, %experts_1, %concept_layers_1_experts_gate, %concept_layers_1_experts_up, %concept_layers_1_experts_down
          : tensor<?x?x160xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<4x160x96xf32>, tensor<4x160x96xf32>, tensor<4x96x160xf32>)
      outs(%init_77 : tensor<?x?x160xf32>) {activation = #effattn.activation<silu>}
  %init_78 = tensor.empty(%S0, %N) : tensor<?x?x160xf32>
  %add_10 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%add_9, %out_24 : tensor<?x?x160xf32>, tensor<?x?x160xf32>)
      outs(%init_78 : tensor<?x?x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x?x160xf32>
  %init_79 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_25, %state = effattn.dechunk resume
      ins(%add_10, %p, %mask : tensor<?x?x160xf32>, tensor<?x1xf32>, tensor<?x1xi1>)
      residual(%add_4 : tensor<?x1x160xf32>)
      outs(%init_79, %state_stage_average : tensor<?x1x160xf32>, tensor<?x160xf32>) {epsilon = 0.0}
  %init_80 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_26, %state_1 = effattn.dechunk resume
      ins(%add_10, %p, %mask : tensor<?x?x160xf32>, tensor<?x1xf32>, tensor<?x1xi1>)
      outs(%init_80, %state_stage_average : tensor<?x1x160xf32>, tensor<?x160xf32>) {epsilon = 0.0}
  %init_81 = tensor.empty(%S0) : tensor<?xi64>
  %add_11 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      ins(%state_stage_seen : tensor<?xi64>)
      outs(%init_81 : tensor<?xi64>) {
  ^bb0(%x0.e: i64, %out.e: i64):
    %t0.e = arith.constant 1 : i64
    %t1.e = arith.addi %x0.e, %t0.e : i64
    linalg.yield %t1.e : i64
  } -> tensor<?xi64>
  %init_82 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_27 = effattn.rms_norm
      ins(%out_25, %decoder_0_norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_82 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_83 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros_14 = linalg.fill ins(%zero : f32) outs(%init_83 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul_14 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_27, %decoder_0_attention_mix_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros_14 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %init_84 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros_15 = linalg.fill ins(%zero : f32) outs(%init_84 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul_15 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_26, %decoder_0_attention_mix_concepts_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros_15 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %init_85 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %add_12 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_14, %matmul_15 : tensor<?x1x480xf32>, tensor<?x1x480xf32>)
      outs(%init_85 : tensor<?x1x480xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x480xf32>
  %reshape_11 = tensor.expand_shape %add_12 [[0], [1], [2, 3]] output_shape [%S0, 1, 15, 32] : tensor<?x1x480xf32> into tensor<?x1x15x32xf32>
  %init_86 = tensor.empty(%S0) : tensor<?x15x1x32xf32>
  %transpose_8 = linalg.transpose ins(%reshape_11 : tensor<?x1x15x32xf32>) outs(%init_86 : tensor<?x15x1x32xf32>) permutation = [0, 2, 1, 3]
  %part_12 = tensor.extract_slice %transpose_8[0, 0, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_13 = tensor.extract_slice %transpose_8[0, 5, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_14 = tensor.extract_slice %transpose_8[0, 10, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %init_87 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_28 = effattn.rotary_embedding ins(%part_12, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_87 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_88 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_29 = effattn.rotary_embedding ins(%part_13, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_88 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_6, %values_6, %state_flags_4, %length_6, %separator_end_4 = effattn.separator_cache_append
      ins(%out_29, %part_14, %is_separator : tensor<?x5x1x32xf32>, tensor<?x5x1x32xf32>, tensor<?x1xi1>)
      outs(%state_decoder_0_attention_keys, %state_decoder_0_attention_values, %state_decoder_0_attention_flags, %state_decoder_0_attention_length, %state_decoder_0_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_89 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_30 = effattn.attention
      ins(%out_28, %keys_6, %values_6 : tensor<?x5x1x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_6 : tensor<?xi64>) outs(%init_89 : tensor<?x5x1x32xf32>) mask {
    %separator_mask_2 = effattn.separator_mask %state_flags_4 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_2 : !effattn.mask
  }
  %init_90 = tensor.empty(%S0) : tensor<?x1x5x32xf32>
  %transpose_9 = linalg.transpose ins(%out_30 : tensor<?x5x1x32xf32>) outs(%init_90 : tensor<?x1x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_12 = tensor.collapse_shape %transpose_9 [[0], [1], [2, 3]] : tensor<?x1x5x32xf32> into tensor<?x1x160xf32>
  %init_91 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_16 = linalg.fill ins(%zero : f32) outs(%init_91 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_16 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_12, %decoder_0_attention_output_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_16 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %keys_7, %values_7, %state_flags_5, %length_7, %separator_end_5 = effattn.separator_cache_compact
      outs(%keys_6, %values_6, %state_flags_4, %length_6, %separator_end_4
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_92 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %add_13 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_25, %matmul_16 : tensor<?x1x160xf32>, tensor<?x1x160xf32>)
      outs(%init_92 : tensor<?x1x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x160xf32>
  %init_93 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_31 = effattn.hourglass_ffn
      ins(%add_13, %decoder_0_ffn_norm, %decoder_0_ffn_gate, %decoder_0_ffn_up, %decoder_0_ffn_down
          : tensor<?x1x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_93 : tensor<?x1x160xf32>) {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_94 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_32 = effattn.rms_norm
      ins(%out_31, %decoder_1_norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_94 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_95 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros_17 = linalg.fill ins(%zero : f32) outs(%init_95 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul_17 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_32, %decoder_1_attention_mix_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros_17 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %init_96 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %zeros_18 = linalg.fill ins(%zero : f32) outs(%init_96 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %matmul_18 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_26, %decoder_1_attention_mix_concepts_weight : tensor<?x1x160xf32>, tensor<480x160xf32>)
      outs(%zeros_18 : tensor<?x1x480xf32>) -> tensor<?x1x480xf32>
  %init_97 = tensor.empty(%S0) : tensor<?x1x480xf32>
  %add_14 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%matmul_17, %matmul_18 : tensor<?x1x480xf32>, tensor<?x1x480xf32>)
      outs(%init_97 : tensor<?x1x480xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x480xf32>
  %reshape_13 = tensor.expand_shape %add_14 [[0], [1], [2, 3]] output_shape [%S0, 1, 15, 32] : tensor<?x1x480xf32> into tensor<?x1x15x32xf32>
  %init_98 = tensor.empty(%S0) : tensor<?x15x1x32xf32>
  %transpose_10 = linalg.transpose ins(%reshape_13 : tensor<?x1x15x32xf32>) outs(%init_98 : tensor<?x15x1x32xf32>) permutation = [0, 2, 1, 3]
  %part_15 = tensor.extract_slice %transpose_10[0, 0, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_16 = tensor.extract_slice %transpose_10[0, 5, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %part_17 = tensor.extract_slice %transpose_10[0, 10, 0, 0] [%S0, 5, 1, 32] [1, 1, 1, 1] : tensor<?x15x1x32xf32> to tensor<?x5x1x32xf32>
  %init_99 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_33 = effattn.rotary_embedding ins(%part_15, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_99 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %init_100 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_34 = effattn.rotary_embedding ins(%part_16, %add : tensor<?x5x1x32xf32>, tensor<?x1xi64>)
      outs(%init_100 : tensor<?x5x1x32xf32>)
      {base = 10000.0, layout = #effattn.rope_layout<half>, scaling = 1.0}
  %keys_8, %values_8, %state_flags_6, %length_8, %separator_end_6 = effattn.separator_cache_append
      ins(%out_34, %part_17, %is_separator : tensor<?x5x1x32xf32>, tensor<?x5x1x32xf32>, tensor<?x1xi1>)
      outs(%state_decoder_1_attention_keys, %state_decoder_1_attention_values, %state_decoder_1_attention_flags, %state_decoder_1_attention_length, %state_decoder_1_attention_separator_end
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_101 = tensor.empty(%S0) : tensor<?x5x1x32xf32>
  %out_35 = effattn.attention
      ins(%out_33, %keys_8, %values_8 : tensor<?x5x1x32xf32>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>)
      key_lengths(%length_8 : tensor<?xi64>) outs(%init_101 : tensor<?x5x1x32xf32>) mask {
    %separator_mask_3 = effattn.separator_mask %state_flags_6 : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %separator_mask_3 : !effattn.mask
  }
  %init_102 = tensor.empty(%S0) : tensor<?x1x5x32xf32>
  %transpose_11 = linalg.transpose ins(%out_35 : tensor<?x5x1x32xf32>) outs(%init_102 : tensor<?x1x5x32xf32>) permutation = [0, 2, 1, 3]
  %reshape_14 = tensor.collapse_shape %transpose_11 [[0], [1], [2, 3]] : tensor<?x1x5x32xf32> into tensor<?x1x160xf32>
  %init_103 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %zeros_19 = linalg.fill ins(%zero : f32) outs(%init_103 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %matmul_19 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%reshape_14, %decoder_1_attention_output_weight : tensor<?x1x160xf32>, tensor<160x160xf32>)
      outs(%zeros_19 : tensor<?x1x160xf32>) -> tensor<?x1x160xf32>
  %keys_9, %values_9, %state_flags_7, %length_9, %separator_end_7 = effattn.separator_cache_compact
      outs(%keys_8, %values_8, %state_flags_6, %length_8, %separator_end_6
          : tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>)
      {initial = 4, separators = 128, window = 64, capacity = 256, when = #effattn.when<after_attention>}
  %init_104 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %add_15 = linalg.generic {
        indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%out_31, %matmul_19 : tensor<?x1x160xf32>, tensor<?x1x160xf32>)
      outs(%init_104 : tensor<?x1x160xf32>) {
  ^bb0(%x0.e: f32, %x1.e: f32, %out.e: f32):
    %t0.e = arith.addf %x0.e, %x1.e : f32
    linalg.yield %t0.e : f32
  } -> tensor<?x1x160xf32>
  %init_105 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_36 = effattn.hourglass_ffn
      ins(%add_15, %decoder_1_ffn_norm, %decoder_1_ffn_gate, %decoder_1_ffn_up, %decoder_1_ffn_down
          : tensor<?x1x160xf32>, tensor<3x160xf32>, tensor<3x160x80xf32>, tensor<3x160x80xf32>, tensor<3x80x160xf32>)
      outs(%init_105 : tensor<?x1x160xf32>)
      {activation = #effattn.activation<silu>, epsilon = 1.0e-06}
  %init_106 = tensor.empty(%S0) : tensor<?x1x160xf32>
  %out_37 = effattn.rms_norm ins(%out_36, %norm_weight : tensor<?x1x160xf32>, tensor<160xf32>)
      outs(%init_106 : tensor<?x1x160xf32>) {epsilon = 1.0e-06, unit_offset = false}
  %init_107 = tensor.empty() : tensor<256xi64>
  %arange_3 = linalg.generic {
        indexing_maps = [affine_map<(d0) -> (d0)>],
        iterator_types = ["parallel"]}
      outs(%init_107 : tensor<256xi64>) {
  ^bb0(%out.e: i64):
    %t0.e = linalg.index 0 : index
    %t1.e = arith.index_cast %t0.e : index to i64
    linalg.yield %t1.e : i64
  } -> tensor<256xi64>
  %init_108 = tensor.empty() : tensor<256x160xf32>
  %out_38 = effattn.tensor_train_embedding
      ins(%arange_3, %table_cores_0, %table_cores_1, %table_cores_2
          : tensor<256xi64>, tensor<1x8x4x24xf32>, tensor<24x8x8x16xf32>, tensor<16x4x5x1xf32>)
      outs(%init_108 : tensor<256x160xf32>) {vocabulary = 256}
  %init_109 = tensor.empty() : tensor<160x256xf32>
  %transpose_12 = linalg.transpose ins(%out_38 : tensor<256x160xf32>) outs(%init_109 : tensor<160x256xf32>) permutation = [1, 0]
  %init_110 = tensor.empty(%S0) : tensor<?x1x256xf32>
  %zeros_20 = linalg.fill ins(%zero : f32) outs(%init_110 : tensor<?x1x256xf32>) -> tensor<?x1x256xf32>
  %matmul_20 = linalg.contract
      indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>]
      ins(%out_37, %out_38 : tensor<?x1x160xf32>, tensor<256x160xf32>)
      outs(%zeros_20 : tensor<?x1x256xf32>) -> tensor<?x1x256xf32>
  return %matmul_20, %mask, %indices, %indices_1, %add_1, %keys_1, %values_1, %state_flags_1, %length_1, %separator_end_1, %keys_3, %values_3, %state_flags_3, %length_3, %separator_end_3, %memory, %mass, %last, %state_1, %add_11, %keys_4, %values_4, %length_4, %keys_5, %values_5, %length_5, %keys_7, %values_7, %state_flags_5, %length_7, %separator_end_5, %keys_9, %values_9, %state_flags_7, %length_9, %separator_end_7 : tensor<?x1x256xf32>, tensor<?x1xi1>, tensor<?x1x4xi32>, tensor<?x1x4xi32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x512x64xf32>, tensor<?x512xf32>, tensor<?x160xf32>, tensor<?x160xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>, tensor<?x5x?x32xf32>, tensor<?x5x?x32xf32>, tensor<?x?xi1>, tensor<?xi64>, tensor<?xi64>
}
