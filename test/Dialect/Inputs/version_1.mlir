module {
  module @example_0 {
    func.func @commas_and_stops(%arg0: tensor<2x?xi32>, %arg1: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %0 = effattn.separator_positions ins(%arg0 : tensor<2x?xi32>) outs(%arg1 : tensor<2x?xi1>) {separators = array<i64: 11, 13>}
      return %0 : tensor<2x?xi1>
    }
    func.func @from_the_vocabulary(%arg0: tensor<2x?xi32>, %arg1: tensor<?xi1>, %arg2: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %0 = effattn.separator_positions ins(%arg0 : tensor<2x?xi32>) bitmap(%arg1 : tensor<?xi1>) outs(%arg2 : tensor<2x?xi1>)
      return %0 : tensor<2x?xi1>
    }
  }
  module @example_1 {
    func.func @second_chunk(%arg0: i64, %arg1: tensor<1x1x4x12xi1>) -> tensor<1x1x4x12xi1> {
      %0 = effattn.materialize_mask offset(%arg0 : i64) outs(%arg1 : tensor<1x1x4x12xi1>) mask {
        %1 = effattn.causal_mask
        effattn.yield %1 : !effattn.mask
      }
      return %0 : tensor<1x1x4x12xi1>
    }
  }
  module @example_2 {
    func.func @alibi(%arg0: tensor<1x4x?x32xf32>, %arg1: tensor<1x2x?x32xf32>, %arg2: tensor<1x2x?x32xf32>, %arg3: tensor<4xf32>, %arg4: tensor<1x4x?x32xf32>, %arg5: tensor<1x4x?xf32>) -> (tensor<1x4x?x32xf32>, tensor<1x4x?xf32>) {
      %0:2 = effattn.attention ins(%arg0, %arg1, %arg2 : tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) outs(%arg4, %arg5 : tensor<1x4x?x32xf32>, tensor<1x4x?xf32>) mask {
        %1 = effattn.causal_mask
        effattn.yield %1 : !effattn.mask
      } score {
      ^bb0(%arg6: f32, %arg7: index, %arg8: index, %arg9: index, %arg10: index):
        %extracted = tensor.extract %arg3[%arg8] : tensor<4xf32>
        %1 = arith.subi %arg10, %arg9 : index
        %2 = arith.index_cast %1 : index to i64
        %3 = arith.sitofp %2 : i64 to f32
        %4 = arith.mulf %extracted, %3 : f32
        %5 = arith.addf %arg6, %4 : f32
        effattn.yield %5 : f32
      }
      return %0#0, %0#1 : tensor<1x4x?x32xf32>, tensor<1x4x?xf32>
    }
  }
  module @example_3 {
    func.func @cache_and_new(%arg0: tensor<?x4x?x64xf32>, %arg1: tensor<?x4x?xf32>, %arg2: tensor<?x4x?x64xf32>, %arg3: tensor<?x4x?xf32>, %arg4: tensor<?x4x?x64xf32>, %arg5: tensor<?x4x?xf32>) -> (tensor<?x4x?x64xf32>, tensor<?x4x?xf32>) {
      %0:2 = effattn.merge_attention ins(%arg0, %arg1, %arg2, %arg3 : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?xf32>) outs(%arg4, %arg5 : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>)
      return %0#0, %0#1 : tensor<?x4x?x64xf32>, tensor<?x4x?xf32>
    }
  }
  module @example_4 {
    func.func @content_and_role(%arg0: tensor<1x4x?x32xf32>, %arg1: tensor<1x2x?x32xf32>, %arg2: tensor<1x2x?x32xf32>, %arg3: tensor<1x2x?x32xf32>, %arg4: tensor<33x32xf32>, %arg5: tensor<33x32xf32>, %arg6: tensor<1x4x?x32xf32>, %arg7: tensor<1x4x?x32xf32>) -> (tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) {
      %0:2 = effattn.systematic_attention ins(%arg0, %arg1, %arg2, %arg3 : tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) relative_keys(%arg4 : tensor<33x32xf32>) relative_values(%arg5 : tensor<33x32xf32>) outs(%arg6, %arg7 : tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>) mask {
        %1 = effattn.causal_mask
        effattn.yield %1 : !effattn.mask
      }
      return %0#0, %0#1 : tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>
    }
  }
  module @example_5 {
    func.func @half_of_the_columns(%arg0: tensor<?x8x?x64xbf16>, %arg1: tensor<?x?xi64>, %arg2: tensor<?x8x?x64xbf16>) -> tensor<?x8x?x64xbf16> {
      %0 = effattn.rotary_embedding ins(%arg0, %arg1 : tensor<?x8x?x64xbf16>, tensor<?x?xi64>) outs(%arg2 : tensor<?x8x?x64xbf16>) {base = 5.000000e+05 : f64, dims = 32 : i64, layout = #effattn.rope_layout<interleaved>}
      return %0 : tensor<?x8x?x64xbf16>
    }
  }
  module @example_6 {
    func.func @decode(%arg0: tensor<?x8x1x64xf32>, %arg1: tensor<?x8x1x64xf32>, %arg2: tensor<?x8x4096x64xbf16>, %arg3: tensor<?x8x4096x64xbf16>, %arg4: tensor<?xi32>) -> (tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>) {
      %0:3 = effattn.kv_cache_append ins(%arg0, %arg1 : tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>) outs(%arg2, %arg3, %arg4 : tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>) {ring = true}
      return %0#0, %0#1, %0#2 : tensor<?x8x4096x64xbf16>, tensor<?x8x4096x64xbf16>, tensor<?xi32>
    }
  }
  module @example_7 {
    func.func @prompt(%arg0: tensor<1x8x?x64xf32>, %arg1: tensor<1x8x?x64xf32>, %arg2: tensor<1x?xi1>, %arg3: tensor<1x8x1024x64xf32>, %arg4: tensor<1x8x1024x64xf32>, %arg5: tensor<1x1024xi1>, %arg6: tensor<1xi32>, %arg7: tensor<1xi32>) -> (tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>, tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>) {
      %0:5 = effattn.separator_cache_append ins(%arg0, %arg1, %arg2 : tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>, tensor<1x?xi1>) outs(%arg3, %arg4, %arg5, %arg6, %arg7 : tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>, tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>) {capacity = 324 : i64, initial = 4 : i64, separators = 64 : i64, when = #effattn.when<after_attention>, window = 224 : i64}
      return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<1x8x1024x64xf32>, tensor<1x8x1024x64xf32>, tensor<1x1024xi1>, tensor<1xi32>, tensor<1xi32>
    }
  }
  module @example_8 {
    func.func @compact(%arg0: tensor<?x8x325x64xbf16>, %arg1: tensor<?x8x325x64xbf16>, %arg2: tensor<?x325xi1>, %arg3: tensor<?xi32>, %arg4: tensor<?xi32>) -> (tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>) {
      %0:5 = effattn.separator_cache_compact outs(%arg0, %arg1, %arg2, %arg3, %arg4 : tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>) {capacity = 324 : i64, initial = 4 : i64, separators = 64 : i64, when = #effattn.when<after_attention>, window = 224 : i64}
      return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<?x8x325x64xbf16>, tensor<?x8x325x64xbf16>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>
    }
  }
  module @example_9 {
    func.func @decode(%arg0: tensor<?x32x1x64xf32>, %arg1: tensor<?x8x325x64xf32>, %arg2: tensor<?x8x325x64xf32>, %arg3: tensor<?x325xi1>, %arg4: tensor<?xi32>, %arg5: tensor<?xi32>, %arg6: tensor<?x32x1x64xf32>) -> tensor<?x32x1x64xf32> {
      %0 = effattn.cache_attention ins(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5 : tensor<?x32x1x64xf32>, tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>) outs(%arg6 : tensor<?x32x1x64xf32>) {rope_layout = #effattn.rope_layout<interleaved>}
      return %0 : tensor<?x32x1x64xf32>
    }
  }
  module @example_10 {
    func.func @stream(%arg0: tensor<?x8x?x64xf32>, %arg1: tensor<?x8x?x64xf32>, %arg2: tensor<?x?xi1>, %arg3: tensor<?x32x?x64xf32>, %arg4: tensor<?x8x325x64xf32>, %arg5: tensor<?x8x325x64xf32>, %arg6: tensor<?x325xi1>, %arg7: tensor<?xi32>, %arg8: tensor<?xi32>, %arg9: tensor<?x32x?x64xf32>) -> (tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x32x?x64xf32>) {
      %0:6 = effattn.separator_cache_update ins(%arg0, %arg1, %arg2 : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x?xi1>) q(%arg3 : tensor<?x32x?x64xf32>) outs(%arg4, %arg5, %arg6, %arg7, %arg8, %arg9 : tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x32x?x64xf32>) {capacity = 324 : i64, initial = 4 : i64, separators = 64 : i64, when = #effattn.when<after_attention>, window = 224 : i64}
      return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5 : tensor<?x8x325x64xf32>, tensor<?x8x325x64xf32>, tensor<?x325xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x32x?x64xf32>
    }
  }
  module @example_11 {
    func.func @score(%arg0: tensor<2x?x64xf32>, %arg1: tensor<2x?x64xf32>, %arg2: tensor<2x?xf32>, %arg3: tensor<2x64xf32>) -> (tensor<2x?xf32>, tensor<2x64xf32>) {
      %0:2 = effattn.boundary_probability resume ins(%arg0, %arg1 : tensor<2x?x64xf32>, tensor<2x?x64xf32>) outs(%arg2, %arg3 : tensor<2x?xf32>, tensor<2x64xf32>) {pairing = #effattn.pairing<previous_query>}
      return %0#0, %0#1 : tensor<2x?xf32>, tensor<2x64xf32>
    }
  }
  module @example_12 {
    func.func @decide(%arg0: tensor<2x?xf32>, %arg1: tensor<2x?xi1>) -> tensor<2x?xi1> {
      %0 = effattn.boundary_mask ins(%arg0 : tensor<2x?xf32>) outs(%arg1 : tensor<2x?xi1>) {strict = true}
      return %0 : tensor<2x?xi1>
    }
  }
  module @example_13 {
    func.func @count(%arg0: tensor<?x?xi1>, %arg1: tensor<?xi32>, %arg2: tensor<?xi32>, %arg3: tensor<i32>) -> (tensor<?xi32>, tensor<i32>) {
      %0:2 = effattn.boundary_count ins(%arg0 : tensor<?x?xi1>) lengths(%arg1 : tensor<?xi32>) outs(%arg2, %arg3 : tensor<?xi32>, tensor<i32>)
      return %0#0, %0#1 : tensor<?xi32>, tensor<i32>
    }
  }
  module @example_14 {
    func.func @gather(%arg0: tensor<2x?x64xbf16>, %arg1: tensor<2x?xi1>, %arg2: tensor<2x?x64xbf16>, %arg3: tensor<2xi32>) -> (tensor<2x?x64xbf16>, tensor<2xi32>) {
      %0:2 = effattn.chunk ins(%arg0, %arg1 : tensor<2x?x64xbf16>, tensor<2x?xi1>) outs(%arg2, %arg3 : tensor<2x?x64xbf16>, tensor<2xi32>) {overflow = #effattn.overflow<drop>}
      return %0#0, %0#1 : tensor<2x?x64xbf16>, tensor<2xi32>
    }
  }
  module @example_15 {
    func.func @expand(%arg0: tensor<2x?x64xf32>, %arg1: tensor<2x?xf32>, %arg2: tensor<2x?xi1>, %arg3: tensor<2x?x64xf32>, %arg4: tensor<2x64xf32>) -> (tensor<2x?x64xf32>, tensor<2x64xf32>) {
      %0:2 = effattn.dechunk resume ins(%arg0, %arg1, %arg2 : tensor<2x?x64xf32>, tensor<2x?xf32>, tensor<2x?xi1>) outs(%arg3, %arg4 : tensor<2x?x64xf32>, tensor<2x64xf32>) {epsilon = 1.000000e-04 : f64}
      return %0#0, %0#1 : tensor<2x?x64xf32>, tensor<2x64xf32>
    }
  }
  module @example_16 {
    func.func @loss(%arg0: tensor<2x?xf32>, %arg1: tensor<2x?xi1>, %arg2: tensor<2xi64>, %arg3: tensor<f32>) -> tensor<f32> {
      %0 = effattn.ratio_loss ins(%arg0, %arg1 : tensor<2x?xf32>, tensor<2x?xi1>) lengths(%arg2 : tensor<2xi64>) outs(%arg3 : tensor<f32>) {ratio = 4.000000e+00 : f64}
      return %0 : tensor<f32>
    }
  }
  module @example_17 {
    func.func @positive(%arg0: index) {
      %c0 = arith.constant 0 : index
      %0 = arith.cmpi sgt, %arg0, %c0 : index
      effattn.check %0, "expected a positive count, but got {0}"(%arg0 : index)
      return
    }
  }
  module @example_18 {
    func.func @lower_triangle(%arg0: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
      %0 = effattn.materialize_mask outs(%arg0 : tensor<1x1x4x4xi1>) mask {
        %1 = effattn.causal_mask
        effattn.yield %1 : !effattn.mask
      }
      return %0 : tensor<1x1x4x4xi1>
    }
  }
  module @example_19 {
    func.func @tokens(%arg0: tensor<?x?xi32>, %arg1: tensor<?x640xbf16>, %arg2: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %0 = effattn.embedding ins(%arg0, %arg1 : tensor<?x?xi32>, tensor<?x640xbf16>) outs(%arg2 : tensor<?x?x640xbf16>)
      return %0 : tensor<?x?x640xbf16>
    }
  }
  module @example_20 {
    func.func @three_domains(%arg0: tensor<?x?xi32>, %arg1: tensor<?x512xf32>, %arg2: tensor<3x?x4xf32>, %arg3: tensor<3x4x512xf32>, %arg4: tensor<?x3xf32>, %arg5: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
      %0 = effattn.lora_embedding ins(%arg0, %arg1, %arg2, %arg3 : tensor<?x?xi32>, tensor<?x512xf32>, tensor<3x?x4xf32>, tensor<3x4x512xf32>) weights(%arg4 : tensor<?x3xf32>) outs(%arg5 : tensor<?x?x512xf32>) {alpha = 8.000000e+00 : f64}
      return %0 : tensor<?x?x512xf32>
    }
  }
  module @example_21 {
    func.func @role_and_content(%arg0: tensor<?xi32>, %arg1: tensor<64x32xf32>, %arg2: tensor<?x96xf32>, %arg3: tensor<?xi32>, %arg4: tensor<?x128xf32>) -> tensor<?x128xf32> {
      %0 = effattn.split_embedding ins(%arg0, %arg1, %arg2 : tensor<?xi32>, tensor<64x32xf32>, tensor<?x96xf32>) invariant_map(%arg3 : tensor<?xi32>) outs(%arg4 : tensor<?x128xf32>) {combine = #effattn.combine<concat>}
      return %0 : tensor<?x128xf32>
    }
  }
  module @example_22 {
    func.func @fifty_thousand_rows(%arg0: tensor<?x?xi32>, %arg1: tensor<1x32x8x16xf32>, %arg2: tensor<16x40x8x16xf32>, %arg3: tensor<16x40x12x1xf32>, %arg4: tensor<?x?x768xf32>) -> tensor<?x?x768xf32> {
      %0 = effattn.tensor_train_embedding ins(%arg0, %arg1, %arg2, %arg3 : tensor<?x?xi32>, tensor<1x32x8x16xf32>, tensor<16x40x8x16xf32>, tensor<16x40x12x1xf32>) outs(%arg4 : tensor<?x?x768xf32>) {vocabulary = 50257 : i64}
      return %0 : tensor<?x?x768xf32>
    }
  }
  module @example_23 {
    func.func @five_bits(%arg0: tensor<?x?xi32>, %arg1: tensor<?x320xi8>, %arg2: tensor<?x640xi8>, %arg3: tensor<?xi1>, %arg4: tensor<?xi32>, %arg5: tensor<?x20xf16>, %arg6: tensor<?xi32>, %arg7: tensor<?xf16>, %arg8: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %0 = effattn.quantized_embedding ins(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5 : tensor<?x?xi32>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>) nearest(%arg6, %arg7 : tensor<?xi32>, tensor<?xf16>) outs(%arg8 : tensor<?x?x640xbf16>)
      return %0 : tensor<?x?x640xbf16>
    }
  }
  module @example_24 {
    func.func @logits(%arg0: tensor<?x640xbf16>, %arg1: tensor<?x320xi8>, %arg2: tensor<?x640xi8>, %arg3: tensor<?xi1>, %arg4: tensor<?xi32>, %arg5: tensor<?x20xf16>, %arg6: tensor<?x320xi8>, %arg7: tensor<?x20xf16>, %arg8: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
      %0 = effattn.quantized_matmul ins(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5 : tensor<?x640xbf16>, tensor<?x320xi8>, tensor<?x640xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x20xf16>) residual(%arg6, %arg7 : tensor<?x320xi8>, tensor<?x20xf16>) outs(%arg8 : tensor<?x?xbf16>) {activation = #effattn.precision<i8>}
      return %0 : tensor<?x?xbf16>
    }
  }
  module @example_25 {
    func.func @project(%arg0: tensor<?x640xf32>, %arg1: tensor<42x640x48xf32>, %arg2: tensor<?x2000xf32>) -> tensor<?x2000xf32> {
      %0 = effattn.packed_matmul ins(%arg0, %arg1 : tensor<?x640xf32>, tensor<42x640x48xf32>) outs(%arg2 : tensor<?x2000xf32>)
      return %0 : tensor<?x2000xf32>
    }
  }
  module @example_26 {
    func.func @swiglu(%arg0: tensor<?x?x640xbf16>, %arg1: tensor<640x2048xbf16>, %arg2: tensor<640x2048xbf16>, %arg3: tensor<2048x640xbf16>, %arg4: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %0 = effattn.gated_ffn ins(%arg0, %arg1, %arg2, %arg3 : tensor<?x?x640xbf16>, tensor<640x2048xbf16>, tensor<640x2048xbf16>, tensor<2048x640xbf16>) outs(%arg4 : tensor<?x?x640xbf16>)
      return %0 : tensor<?x?x640xbf16>
    }
  }
  module @example_27 {
    func.func @hourglass(%arg0: tensor<?x?x640xf32>, %arg1: tensor<3x640xf32>, %arg2: tensor<3x640x320xf32>, %arg3: tensor<3x640x320xf32>, %arg4: tensor<3x320x640xf32>, %arg5: tensor<?x?x640xf32>) -> tensor<?x?x640xf32> {
      %0 = effattn.hourglass_ffn ins(%arg0, %arg1, %arg2, %arg3, %arg4 : tensor<?x?x640xf32>, tensor<3x640xf32>, tensor<3x640x320xf32>, tensor<3x640x320xf32>, tensor<3x320x640xf32>) outs(%arg5 : tensor<?x?x640xf32>) {epsilon = 1.000000e-05 : f64}
      return %0 : tensor<?x?x640xf32>
    }
  }
  module @example_28 {
    func.func @route(%arg0: tensor<?x?x640xbf16>, %arg1: tensor<640x64xf32>, %arg2: tensor<?x?x2xf32>, %arg3: tensor<?x?x2xi32>, %arg4: tensor<f32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>) {
      %0:3 = effattn.moe_route ins(%arg0, %arg1 : tensor<?x?x640xbf16>, tensor<640x64xf32>) outs(%arg2, %arg3, %arg4 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>) {k = 2 : i64}
      return %0#0, %0#1, %0#2 : tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<f32>
    }
  }
  module @example_29 {
    func.func @experts(%arg0: tensor<?x?x640xf32>, %arg1: tensor<?x?x2xf32>, %arg2: tensor<?x?x2xi32>, %arg3: tensor<8x640x320xf32>, %arg4: tensor<8x640x320xf32>, %arg5: tensor<8x320x640xf32>, %arg6: tensor<?x?x640xf32>) -> tensor<?x?x640xf32> {
      %0 = effattn.moe_ffn ins(%arg0, %arg1, %arg2, %arg3, %arg4, %arg5 : tensor<?x?x640xf32>, tensor<?x?x2xf32>, tensor<?x?x2xi32>, tensor<8x640x320xf32>, tensor<8x640x320xf32>, tensor<8x320x640xf32>) outs(%arg6 : tensor<?x?x640xf32>)
      return %0 : tensor<?x?x640xf32>
    }
  }
  module @example_30 {
    func.func @causal(%arg0: tensor<1x1x3x5xi1>) -> tensor<1x1x3x5xi1> {
      %0 = effattn.materialize_mask outs(%arg0 : tensor<1x1x3x5xi1>) mask {
        %1 = effattn.causal_mask
        effattn.yield %1 : !effattn.mask
      }
      return %0 : tensor<1x1x3x5xi1>
    }
  }
  module @example_31 {
    func.func @sliding_window(%arg0: tensor<1x1x6x6xi1>) -> tensor<1x1x6x6xi1> {
      %0 = effattn.materialize_mask outs(%arg0 : tensor<1x1x6x6xi1>) mask {
        %1 = effattn.window_mask {size = 2 : i64}
        %2 = effattn.causal_mask
        %3 = effattn.mask_and %1, %2
        effattn.yield %3 : !effattn.mask
      }
      return %0 : tensor<1x1x6x6xi1>
    }
  }
  module @example_32 {
    func.func @sinks(%arg0: tensor<1x1x8x8xi1>) -> tensor<1x1x8x8xi1> {
      %0 = effattn.materialize_mask outs(%arg0 : tensor<1x1x8x8xi1>) mask {
        %1 = effattn.initial_mask {count = 2 : i64}
        %2 = effattn.window_mask {size = 3 : i64}
        %3 = effattn.mask_or %1, %2
        %4 = effattn.causal_mask
        %5 = effattn.mask_and %3, %4
        effattn.yield %5 : !effattn.mask
      }
      return %0 : tensor<1x1x8x8xi1>
    }
  }
  module @example_33 {
    func.func @left_padding(%arg0: tensor<2xi64>, %arg1: tensor<2xi64>, %arg2: tensor<2x1x4x4xi1>) -> tensor<2x1x4x4xi1> {
      %0 = effattn.materialize_mask outs(%arg2 : tensor<2x1x4x4xi1>) mask {
        %1 = effattn.length_mask %arg0 : tensor<2xi64> starts(%arg1 : tensor<2xi64>)
        effattn.yield %1 : !effattn.mask
      }
      return %0 : tensor<2x1x4x4xi1>
    }
  }
  module @example_34 {
    func.func @packed(%arg0: tensor<2x?xi32>, %arg1: tensor<2x1x?x?xi1>) -> tensor<2x1x?x?xi1> {
      %0 = effattn.materialize_mask outs(%arg1 : tensor<2x1x?x?xi1>) mask {
        %1 = effattn.document_mask %arg0, %arg0 : tensor<2x?xi32>, tensor<2x?xi32>
        %2 = effattn.causal_mask
        %3 = effattn.mask_and %1, %2
        effattn.yield %3 : !effattn.mask
      }
      return %0 : tensor<2x1x?x?xi1>
    }
  }
  module @example_35 {
    func.func @attend_where_told(%arg0: tensor<2x4x6x8xf32>, %arg1: tensor<2x4x9x8xf32>, %arg2: tensor<2x4x9x8xf32>, %arg3: tensor<1x1x6x9xi1>, %arg4: tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32> {
      %0 = effattn.attention ins(%arg0, %arg1, %arg2 : tensor<2x4x6x8xf32>, tensor<2x4x9x8xf32>, tensor<2x4x9x8xf32>) outs(%arg4 : tensor<2x4x6x8xf32>) mask {
        %1 = effattn.dense_mask %arg3 : tensor<1x1x6x9xi1>
        effattn.yield %1 : !effattn.mask
      }
      return %0 : tensor<2x4x6x8xf32>
    }
  }
  module @example_36 {
    func.func @separator_attention(%arg0: tensor<1x8x?x64xf32>, %arg1: tensor<1x2x?x64xf32>, %arg2: tensor<1x2x?x64xf32>, %arg3: tensor<1x?xi32>, %arg4: tensor<1x?xi1>, %arg5: tensor<1x8x?x64xf32>) -> tensor<1x8x?x64xf32> {
      %0 = effattn.separator_positions ins(%arg3 : tensor<1x?xi32>) outs(%arg4 : tensor<1x?xi1>) {separators = array<i64: 11, 13, 30>}
      %1 = effattn.attention ins(%arg0, %arg1, %arg2 : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) outs(%arg5 : tensor<1x8x?x64xf32>) mask {
        %2 = effattn.separator_mask %0 : tensor<1x?xi1> {initial = 4 : i64, window = 64 : i64}
        effattn.yield %2 : !effattn.mask
      }
      return %1 : tensor<1x8x?x64xf32>
    }
  }
  module @example_37 {
    func.func @separators_inside_documents(%arg0: tensor<1x?xi1>, %arg1: tensor<1x?xi32>, %arg2: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
      %0 = effattn.materialize_mask outs(%arg2 : tensor<1x1x?x?xi1>) mask {
        %1 = effattn.separator_mask %arg0 : tensor<1x?xi1> {initial = 4 : i64, window = 8 : i64}
        %2 = effattn.document_mask %arg1, %arg1 : tensor<1x?xi32>, tensor<1x?xi32>
        %3 = effattn.mask_and %1, %2
        effattn.yield %3 : !effattn.mask
      }
      return %0 : tensor<1x1x?x?xi1>
    }
  }
  module @example_38 {
    func.func @prefix_or_window(%arg0: tensor<2xi32>, %arg1: tensor<2x1x8x8xi1>) -> tensor<2x1x8x8xi1> {
      %0 = effattn.materialize_mask outs(%arg1 : tensor<2x1x8x8xi1>) mask {
        %1 = effattn.causal_mask
        %2 = effattn.length_mask %arg0 : tensor<2xi32>
        %3 = effattn.mask_or %1, %2
        effattn.yield %3 : !effattn.mask
      }
      return %0 : tensor<2x1x8x8xi1>
    }
  }
  module @example_39 {
    func.func @strictly_before(%arg0: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
      %0 = effattn.materialize_mask outs(%arg0 : tensor<1x1x4x4xi1>) mask {
        %1 = effattn.window_mask {size = 1 : i64}
        %2 = effattn.mask_not %1
        effattn.yield %2 : !effattn.mask
      }
      return %0 : tensor<1x1x4x4xi1>
    }
  }
  module @example_40 {
    func.func @sixteen_slots(%arg0: tensor<?x2x4xf32>, %arg1: tensor<?x16xf32>) -> tensor<?x16xf32> {
      %0 = effattn.product_softmax ins(%arg0 : tensor<?x2x4xf32>) outs(%arg1 : tensor<?x16xf32>) {temperature = 5.000000e-01 : f64}
      return %0 : tensor<?x16xf32>
    }
  }
  module @example_41 {
    func.func @best_two(%arg0: tensor<?x?xbf16>, %arg1: tensor<?x2xbf16>, %arg2: tensor<?x2xi32>) -> (tensor<?x2xbf16>, tensor<?x2xi32>) {
      %0:2 = effattn.top_k ins(%arg0 : tensor<?x?xbf16>) outs(%arg1, %arg2 : tensor<?x2xbf16>, tensor<?x2xi32>) {k = 2 : i64}
      return %0#0, %0#1 : tensor<?x2xbf16>, tensor<?x2xi32>
    }
  }
  module @example_42 {
    func.func @best_of_a_million(%arg0: tensor<?x?x5x16xf32>, %arg1: tensor<?x?x8xf32>, %arg2: tensor<?x?x8xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
      %0:2 = effattn.product_softmax_top_k ins(%arg0 : tensor<?x?x5x16xf32>) outs(%arg1, %arg2 : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {k = 8 : i64, normalize = true}
      return %0#0, %0#1 : tensor<?x?x8xf32>, tensor<?x?x8xi32>
    }
  }
  module @example_43 {
    func.func @slow_and_fast_digits(%arg0: tensor<?x?x?xi32>, %arg1: tensor<?x?xi64>, %arg2: tensor<?x?x?xi32>) -> tensor<?x?x?xi32> {
      %0 = effattn.cyclic_shift ins(%arg0, %arg1 : tensor<?x?x?xi32>, tensor<?x?xi64>) outs(%arg2 : tensor<?x?x?xi32>) {base = 64 : i64, digits = 2 : i64, mode = #effattn.shift<digits>, periods = array<i64: 64, 1>}
      return %0 : tensor<?x?x?xi32>
    }
  }
  module @example_44 {
    func.func @write_address(%arg0: tensor<?x?x48xf32>, %arg1: tensor<?x?xi32>, %arg2: tensor<?x?x8xf32>, %arg3: tensor<?x?x8xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
      %0:2 = effattn.address_decode ins(%arg0 : tensor<?x?x48xf32>) positions(%arg1 : tensor<?x?xi32>) outs(%arg2, %arg3 : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {digits = 3 : i64, k = 8 : i64}
      return %0#0, %0#1 : tensor<?x?x8xf32>, tensor<?x?x8xi32>
    }
  }
  module @example_45 {
    func.func @recall(%arg0: tensor<?x?x8xf32>, %arg1: tensor<?x?x8xi32>, %arg2: tensor<?x?x64xf32>, %arg3: tensor<?x?x8xf32>, %arg4: tensor<?x?x8xi32>, %arg5: tensor<?x?x64xf32>, %arg6: tensor<?x4096x64xf32>, %arg7: tensor<?x4096xf32>) -> (tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>) {
      %0:3 = effattn.address_memory ins(%arg0, %arg1, %arg2, %arg3, %arg4 : tensor<?x?x8xf32>, tensor<?x?x8xi32>, tensor<?x?x64xf32>, tensor<?x?x8xf32>, tensor<?x?x8xi32>) outs(%arg5, %arg6, %arg7 : tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>)
      return %0#0, %0#1, %0#2 : tensor<?x?x64xf32>, tensor<?x4096x64xf32>, tensor<?x4096xf32>
    }
  }
  module @example_46 {
    func.func @two_codes_a_vector(%arg0: tensor<?x?x64xbf16>, %arg1: tensor<1024x64xf32>, %arg2: tensor<?x?x2xi32>, %arg3: tensor<?x?x64xbf16>) -> (tensor<?x?x2xi32>, tensor<?x?x64xbf16>) {
      %0:2 = effattn.vector_quantize ins(%arg0, %arg1 : tensor<?x?x64xbf16>, tensor<1024x64xf32>) outs(%arg2, %arg3 : tensor<?x?x2xi32>, tensor<?x?x64xbf16>) {groups = 2 : i64, metric = #effattn.metric<cosine>}
      return %0#0, %0#1 : tensor<?x?x2xi32>, tensor<?x?x64xbf16>
    }
  }
  module @example_47 {
    func.func @normalize(%arg0: tensor<?x?x640xbf16>, %arg1: tensor<640xf32>, %arg2: tensor<?x?x640xbf16>) -> tensor<?x?x640xbf16> {
      %0 = effattn.rms_norm ins(%arg0, %arg1 : tensor<?x?x640xbf16>, tensor<640xf32>) outs(%arg2 : tensor<?x?x640xbf16>) {unit_offset = true}
      return %0 : tensor<?x?x640xbf16>
    }
  }
  module @example_48 {
    func.func @standardize(%arg0: tensor<?x?xf32>, %arg1: tensor<?xf32>, %arg2: tensor<?xf32>, %arg3: tensor<?x?xf32>) -> tensor<?x?xf32> {
      %0 = effattn.layer_norm ins(%arg0, %arg1 : tensor<?x?xf32>, tensor<?xf32>) bias(%arg2 : tensor<?xf32>) outs(%arg3 : tensor<?x?xf32>) {epsilon = 9.9999999999999995E-7 : f64}
      return %0 : tensor<?x?xf32>
    }
  }
}

