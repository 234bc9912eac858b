// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @rms_norm
// CHECK:         effattn.rms_norm ins(%{{.*}}, %{{.*}} : tensor<2x?x5xf16>, tensor<?xbf16>) outs(%{{.*}} : tensor<2x?x5xf16>) {epsilon = 1.000000e-05 : f64, unit_offset = true}
func.func @rms_norm(%x: tensor<2x?x5xf16>, %w: tensor<?xbf16>, %out: tensor<2x?x5xf16>) -> tensor<2x?x5xf16> {
  %rows = effattn.rms_norm ins(%x, %w : tensor<2x?x5xf16>, tensor<?xbf16>) outs(%out : tensor<2x?x5xf16>)
    {epsilon = 1.0e-5, unit_offset = true}
  return %rows : tensor<2x?x5xf16>
}

// CHECK-LABEL: @rms_norm_of_one_row
// CHECK:         effattn.rms_norm ins(%{{.*}}, %{{.*}} : memref<?xf32>, memref<?xf32>) outs(%{{.*}} : memref<?xf32>){{$}}
func.func @rms_norm_of_one_row(%x: memref<?xf32>, %w: memref<?xf32>, %out: memref<?xf32>) {
  effattn.rms_norm ins(%x, %w : memref<?xf32>, memref<?xf32>) outs(%out : memref<?xf32>)
  return
}

// CHECK-LABEL: @layer_norm
// CHECK:         effattn.layer_norm ins(%{{.*}}, %{{.*}} : tensor<?x?xbf16>, tensor<?xf32>) bias(%{{.*}} : tensor<?xf16>) outs(%{{.*}} : tensor<?x?xbf16>){{$}}
func.func @layer_norm(%x: tensor<?x?xbf16>, %w: tensor<?xf32>, %b: tensor<?xf16>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %rows = effattn.layer_norm ins(%x, %w : tensor<?x?xbf16>, tensor<?xf32>) bias(%b : tensor<?xf16>)
    outs(%out : tensor<?x?xbf16>)
  return %rows : tensor<?x?xbf16>
}

// CHECK-LABEL: @layer_norm_without_bias
// CHECK:         effattn.layer_norm ins(%{{.*}}, %{{.*}} : memref<?x0xf32>, memref<0xf32>) outs(%{{.*}} : memref<?x0xf32>) {epsilon = 0.000000e+00 : f64}
func.func @layer_norm_without_bias(%x: memref<?x0xf32>, %w: memref<0xf32>, %out: memref<?x0xf32>) {
  effattn.layer_norm ins(%x, %w : memref<?x0xf32>, memref<0xf32>) outs(%out : memref<?x0xf32>) {epsilon = 0.0}
  return
}
