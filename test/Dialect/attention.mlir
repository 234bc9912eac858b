// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @plain
// CHECK:         effattn.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x4x6x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x5xf32>) outs(%{{.*}} : tensor<1x4x6x5xf32>)
func.func @plain(%q: tensor<1x4x6x8xf32>, %k: tensor<1x2x9x8xf32>, %v: tensor<1x2x9x5xf32>,
    %out: tensor<1x4x6x5xf32>) -> tensor<1x4x6x5xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<1x4x6x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x5xf32>)
    outs(%out : tensor<1x4x6x5xf32>)
  return %0 : tensor<1x4x6x5xf32>
}

// CHECK-LABEL: @all_operands
// CHECK:         %{{.*}}:2 = effattn.attention
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi32>) key_lengths(%{{.*}} : tensor<?xi64>) key_positions(%{{.*}} : tensor<?x?xi64>) offset(%{{.*}} : tensor<?xi32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>) {scale = 1.250000e-01 : f32, softcap = 5.000000e+01 : f64} mask {
// CHECK:           effattn.yield %{{.*}} : !effattn.mask
// CHECK:         } score {
// CHECK:         ^bb0(%{{.*}}: f32, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
// CHECK:           effattn.yield %{{.*}} : f32
func.func @all_operands(%q: tensor<?x?x?x?xbf16>, %k: tensor<?x?x?x?xf16>, %v: tensor<?x?x?x?xf32>,
    %lengths: tensor<?xi32>, %key_lengths: tensor<?xi64>, %positions: tensor<?x?xi64>, %offset: tensor<?xi32>,
    %out: tensor<?x?x?x?xbf16>, %lse: tensor<?x?x?xf32>) -> (tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>) {
  %0:2 = effattn.attention ins(%q, %k, %v : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf16>, tensor<?x?x?x?xf32>)
    lengths(%lengths : tensor<?xi32>) key_lengths(%key_lengths : tensor<?xi64>)
    key_positions(%positions : tensor<?x?xi64>) offset(%offset : tensor<?xi32>)
    outs(%out, %lse : tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>)
    {scale = 0.125 : f32, softcap = 50.0} mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  } score {
  ^bb0(%score: f32, %b: index, %h: index, %query: index, %key: index):
    effattn.yield %score : f32
  }
  return %0#0, %0#1 : tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>
}

// CHECK-LABEL: @on_buffers
// CHECK:         effattn.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : memref<?x?x?x?xf16>, memref<?x?x?x?xf16>, memref<?x?x?x?xf16>) offset(%{{.*}} : i64)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}} : memref<?x?x?x?xf16>, memref<?x?x?xf32>) mask {
func.func @on_buffers(%q: memref<?x?x?x?xf16>, %k: memref<?x?x?x?xf16>, %v: memref<?x?x?x?xf16>,
    %flags: memref<?x?xi1>, %offset: i64, %out: memref<?x?x?x?xf16>, %lse: memref<?x?x?xf32>) {
  effattn.attention ins(%q, %k, %v : memref<?x?x?x?xf16>, memref<?x?x?x?xf16>, memref<?x?x?x?xf16>)
    offset(%offset : i64) outs(%out, %lse : memref<?x?x?x?xf16>, memref<?x?x?xf32>) mask {
    %mask = effattn.separator_mask %flags : memref<?x?xi1> {initial = 4, window = 64}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// CHECK-LABEL: @merged
// CHECK:         effattn.merge_attention ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x3x4xf16>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>) outs(%{{.*}}, %{{.*}} : tensor<1x2x3x4xf16>, tensor<1x2x3xf32>)
func.func @merged(%out1: tensor<1x2x3x4xf16>, %lse1: tensor<1x2x3xf32>, %out2: tensor<1x2x3x4xf32>,
    %lse2: tensor<1x2x3xf32>, %out: tensor<1x2x3x4xf16>, %lse: tensor<1x2x3xf32>)
    -> (tensor<1x2x3x4xf16>, tensor<1x2x3xf32>) {
  %0:2 = effattn.merge_attention ins(%out1, %lse1, %out2, %lse2
      : tensor<1x2x3x4xf16>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>)
    outs(%out, %lse : tensor<1x2x3x4xf16>, tensor<1x2x3xf32>)
  return %0#0, %0#1 : tensor<1x2x3x4xf16>, tensor<1x2x3xf32>
}

// CHECK-LABEL: @merged_on_buffers
// CHECK:         effattn.merge_attention ins(%{{.*}} : memref<?x2x3x4xbf16>, memref<?x2x3xf32>, memref<?x2x3x4xbf16>, memref<?x2x3xf32>) outs(%{{.*}} : memref<?x2x3x4xbf16>, memref<?x2x3xf32>)
func.func @merged_on_buffers(%out1: memref<?x2x3x4xbf16>, %lse1: memref<?x2x3xf32>, %out2: memref<?x2x3x4xbf16>,
    %lse2: memref<?x2x3xf32>, %out: memref<?x2x3x4xbf16>, %lse: memref<?x2x3xf32>) {
  effattn.merge_attention ins(%out1, %lse1, %out2, %lse2
      : memref<?x2x3x4xbf16>, memref<?x2x3xf32>, memref<?x2x3x4xbf16>, memref<?x2x3xf32>)
    outs(%out, %lse : memref<?x2x3x4xbf16>, memref<?x2x3xf32>)
  return
}

// CHECK-LABEL: @rotated
// CHECK:         effattn.rotary_embedding ins(%{{.*}}, %{{.*}} : tensor<?x4x?x64xbf16>, tensor<?x?xi32>) outs(%{{.*}} : tensor<?x4x?x64xbf16>)
// CHECK-SAME:      {base = 5.000000e+05 : f64, dims = 32 : i64, layout = #effattn.rope_layout<interleaved>, scaling = 4.000000e+00 : f32}
func.func @rotated(%x: tensor<?x4x?x64xbf16>, %positions: tensor<?x?xi32>, %out: tensor<?x4x?x64xbf16>) -> tensor<?x4x?x64xbf16> {
  %0 = effattn.rotary_embedding ins(%x, %positions : tensor<?x4x?x64xbf16>, tensor<?x?xi32>) outs(%out : tensor<?x4x?x64xbf16>)
    {base = 5.0e5, dims = 32, layout = #effattn.rope_layout<interleaved>, scaling = 4.0 : f32}
  return %0 : tensor<?x4x?x64xbf16>
}

// CHECK-LABEL: @rotated_on_buffers
// CHECK:         effattn.rotary_embedding ins(%{{.*}}, %{{.*}} : memref<1x4x3x8xf16>, memref<1x3xi64>) outs(%{{.*}} : memref<1x4x3x8xf16>){{$}}
func.func @rotated_on_buffers(%x: memref<1x4x3x8xf16>, %positions: memref<1x3xi64>) {
  effattn.rotary_embedding ins(%x, %positions : memref<1x4x3x8xf16>, memref<1x3xi64>) outs(%x : memref<1x4x3x8xf16>)
  return
}

// CHECK-LABEL: @systematic
// CHECK:         %{{.*}}:2 = effattn.systematic_attention ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf16>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xbf16>)
// CHECK-SAME:      relative_keys(%{{.*}} : tensor<?x?xf32>) relative_values(%{{.*}} : tensor<7x?xf16>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>) {scale = 1.250000e-01 : f64} mask {
// CHECK:           effattn.yield %{{.*}} : !effattn.mask
func.func @systematic(%q: tensor<?x?x?x?xbf16>, %k: tensor<?x?x?x?xf16>, %v: tensor<?x?x?x?xf32>, %v2: tensor<?x?x?x?xbf16>,
    %a: tensor<?x?xf32>, %b: tensor<7x?xf16>, %out: tensor<?x?x?x?xbf16>) -> (tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>) {
  %0:2 = effattn.systematic_attention
    ins(%q, %k, %v, %v2 : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf16>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xbf16>)
    relative_keys(%a : tensor<?x?xf32>) relative_values(%b : tensor<7x?xf16>)
    outs(%out, %out : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>) {scale = 0.125} mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>
}

// CHECK-LABEL: @systematic_on_buffers
// CHECK:         effattn.systematic_attention ins(%{{.*}} : memref<1x4x6x8xf16>, memref<1x2x9x8xf16>, memref<1x2x9x8xf16>, memref<1x2x9x8xf16>)
// CHECK-SAME:      relative_values(%{{.*}} : memref<1x8xf16>) outs(%{{.*}}, %{{.*}} : memref<1x4x6x8xf16>, memref<1x4x6x8xf16>){{$}}
func.func @systematic_on_buffers(%q: memref<1x4x6x8xf16>, %k: memref<1x2x9x8xf16>, %b: memref<1x8xf16>,
    %out: memref<1x4x6x8xf16>, %out2: memref<1x4x6x8xf16>) {
  effattn.systematic_attention ins(%q, %k, %k, %k : memref<1x4x6x8xf16>, memref<1x2x9x8xf16>, memref<1x2x9x8xf16>, memref<1x2x9x8xf16>)
    relative_values(%b : memref<1x8xf16>) outs(%out, %out2 : memref<1x4x6x8xf16>, memref<1x4x6x8xf16>)
  return
}
