// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @gated_ffn
// CHECK:         effattn.gated_ffn ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x?x8xbf16>, tensor<8x?xf32>, tensor<8x?xf16>, tensor<?x8xbf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<2x?x8xbf16>) {activation = #effattn.activation<gelu_tanh>}
func.func @gated_ffn(%x: tensor<2x?x8xbf16>, %gate: tensor<8x?xf32>, %up: tensor<8x?xf16>, %down: tensor<?x8xbf16>,
    %out: tensor<2x?x8xbf16>) -> tensor<2x?x8xbf16> {
  %rows = effattn.gated_ffn ins(%x, %gate, %up, %down : tensor<2x?x8xbf16>, tensor<8x?xf32>, tensor<8x?xf16>, tensor<?x8xbf16>)
    outs(%out : tensor<2x?x8xbf16>) {activation = #effattn.activation<gelu_tanh>}
  return %rows : tensor<2x?x8xbf16>
}

// CHECK-LABEL: @gated_ffn_of_one_row
// CHECK:         effattn.gated_ffn ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<?xf16>, memref<?x0xf32>, memref<?x0xf32>, memref<0x?xf32>) outs(%{{.*}} : memref<?xf16>){{$}}
func.func @gated_ffn_of_one_row(%x: memref<?xf16>, %gate: memref<?x0xf32>, %up: memref<?x0xf32>, %down: memref<0x?xf32>, %out: memref<?xf16>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<?xf16>, memref<?x0xf32>, memref<?x0xf32>, memref<0x?xf32>)
    outs(%out : memref<?xf16>)
  return
}

// CHECK-LABEL: @hourglass_ffn
// CHECK:         effattn.hourglass_ffn ins({{.*}} : tensor<?x?xf32>, tensor<?x?xf32>, tensor<3x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x?xf32>) {activation = #effattn.activation<relu>, epsilon = 1.000000e-05 : f64}
func.func @hourglass_ffn(%x: tensor<?x?xf32>, %norm: tensor<?x?xf32>, %gate: tensor<3x?x?xf32>, %up: tensor<?x?x?xf32>,
    %down: tensor<?x?x?xf32>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
    : tensor<?x?xf32>, tensor<?x?xf32>, tensor<3x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>)
    outs(%out : tensor<?x?xf32>) {activation = #effattn.activation<relu>, epsilon = 1.0e-5}
  return %rows : tensor<?x?xf32>
}

// CHECK-LABEL: @hourglass_ffn_buffers
// CHECK:         effattn.hourglass_ffn ins({{.*}} : memref<4x8xbf16>, memref<2x8xf32>, memref<2x8x4xbf16>, memref<2x8x4xbf16>, memref<2x4x8xbf16>)
// CHECK-SAME:      outs(%{{.*}} : memref<4x8xbf16>){{$}}
func.func @hourglass_ffn_buffers(%x: memref<4x8xbf16>, %norm: memref<2x8xf32>, %gate: memref<2x8x4xbf16>, %up: memref<2x8x4xbf16>,
    %down: memref<2x4x8xbf16>, %out: memref<4x8xbf16>) {
  effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
    : memref<4x8xbf16>, memref<2x8xf32>, memref<2x8x4xbf16>, memref<2x8x4xbf16>, memref<2x4x8xbf16>) outs(%out : memref<4x8xbf16>)
  return
}

// CHECK-LABEL: @moe_route
// CHECK:         effattn.moe_route ins(%{{.*}}, %{{.*}} : tensor<2x?x8xf16>, tensor<?x4xbf16>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<2x?x3xf32>, tensor<2x?x?xi32>, tensor<f32>) {k = 3 : i64, normalize = false}
func.func @moe_route(%x: tensor<2x?x8xf16>, %w: tensor<?x4xbf16>, %g: tensor<2x?x3xf32>, %e: tensor<2x?x?xi32>, %b: tensor<f32>)
    -> (tensor<2x?x3xf32>, tensor<2x?x?xi32>, tensor<f32>) {
  %r:3 = effattn.moe_route ins(%x, %w : tensor<2x?x8xf16>, tensor<?x4xbf16>)
    outs(%g, %e, %b : tensor<2x?x3xf32>, tensor<2x?x?xi32>, tensor<f32>) {k = 3, normalize = false}
  return %r#0, %r#1, %r#2 : tensor<2x?x3xf32>, tensor<2x?x?xi32>, tensor<f32>
}

// CHECK-LABEL: @moe_route_of_one_token
// CHECK:         effattn.moe_route ins(%{{.*}}, %{{.*}} : memref<?xf32>, memref<?x0xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<0xf32>, memref<0xi32>, memref<f32>) {k = 0 : i64}
func.func @moe_route_of_one_token(%x: memref<?xf32>, %w: memref<?x0xf32>, %g: memref<0xf32>, %e: memref<0xi32>, %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<?xf32>, memref<?x0xf32>) outs(%g, %e, %b : memref<0xf32>, memref<0xi32>, memref<f32>) {k = 0}
  return
}

// CHECK-LABEL: @moe_ffn
// CHECK:         effattn.moe_ffn ins({{.*}} : tensor<?x8xbf16>, tensor<?x2xf32>, tensor<?x2xi64>, tensor<4x8x?xf32>, tensor<4x8x?xbf16>, tensor<4x?x8xf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x8xbf16>) {activation = #effattn.activation<gelu>}
func.func @moe_ffn(%x: tensor<?x8xbf16>, %gates: tensor<?x2xf32>, %experts: tensor<?x2xi64>, %gate: tensor<4x8x?xf32>,
    %up: tensor<4x8x?xbf16>, %down: tensor<4x?x8xf16>, %out: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  %r = effattn.moe_ffn ins(%x, %gates, %experts, %gate, %up, %down
    : tensor<?x8xbf16>, tensor<?x2xf32>, tensor<?x2xi64>, tensor<4x8x?xf32>, tensor<4x8x?xbf16>, tensor<4x?x8xf16>)
    outs(%out : tensor<?x8xbf16>) {activation = #effattn.activation<gelu>}
  return %r : tensor<?x8xbf16>
}

// CHECK-LABEL: @moe_ffn_of_one_token
// CHECK:         effattn.moe_ffn ins({{.*}} : memref<8xf32>, memref<?xf32>, memref<?xi32>, memref<?x8x4xf32>, memref<?x8x4xf32>, memref<?x4x8xf32>)
// CHECK-SAME:      outs(%{{.*}} : memref<8xf32>){{$}}
func.func @moe_ffn_of_one_token(%x: memref<8xf32>, %gates: memref<?xf32>, %experts: memref<?xi32>, %gate: memref<?x8x4xf32>,
    %up: memref<?x8x4xf32>, %down: memref<?x4x8xf32>, %out: memref<8xf32>) {
  effattn.moe_ffn ins(%x, %gates, %experts, %gate, %up, %down
    : memref<8xf32>, memref<?xf32>, memref<?xi32>, memref<?x8x4xf32>, memref<?x8x4xf32>, memref<?x4x8xf32>) outs(%out : memref<8xf32>)
  return
}

// CHECK-LABEL: @packed_matmul
// CHECK:         effattn.packed_matmul ins(%{{.*}}, %{{.*}} : tensor<2x?x8xbf16>, tensor<?x8x16xf16>) outs(%{{.*}} : tensor<2x?x?xf32>){{$}}
func.func @packed_matmul(%x: tensor<2x?x8xbf16>, %panels: tensor<?x8x16xf16>, %out: tensor<2x?x?xf32>) -> tensor<2x?x?xf32> {
  %rows = effattn.packed_matmul ins(%x, %panels : tensor<2x?x8xbf16>, tensor<?x8x16xf16>) outs(%out : tensor<2x?x?xf32>)
  return %rows : tensor<2x?x?xf32>
}

// CHECK-LABEL: @packed_matmul_of_one_row
// CHECK:         effattn.packed_matmul ins(%{{.*}}, %{{.*}} : memref<8xf32>, memref<0x8x?xf32>) outs(%{{.*}} : memref<0xf32>)
func.func @packed_matmul_of_one_row(%x: memref<8xf32>, %panels: memref<0x8x?xf32>, %out: memref<0xf32>) {
  effattn.packed_matmul ins(%x, %panels : memref<8xf32>, memref<0x8x?xf32>) outs(%out : memref<0xf32>)
  return
}
