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
