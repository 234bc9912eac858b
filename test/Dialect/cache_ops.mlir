// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @append_keys_and_values
// CHECK:         effattn.kv_cache_append ins(%{{.*}}, %{{.*}} : tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi64>) {ring = true}
func.func @append_keys_and_values(%k: tensor<?x?x?x?xf16>, %v: tensor<?x?x?x?xbf16>, %lengths: tensor<?xi32>,
    %keys: tensor<?x?x?x?xbf16>, %values: tensor<?x?x?x?xf32>, %length: tensor<?xi64>) -> tensor<?xi64> {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>) lengths(%lengths : tensor<?xi32>)
    outs(%keys, %values, %length : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi64>) {ring = true}
  return %0#2 : tensor<?xi64>
}

// CHECK-LABEL: @append_keys_and_values_to_buffers
// CHECK:         effattn.kv_cache_append ins(%{{.*}}, %{{.*}} : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2xi32>){{$}}
func.func @append_keys_and_values_to_buffers(%k: memref<2x4x3x8xf32>, %v: memref<2x4x3x6xf32>,
    %keys: memref<2x4x9x8xf32>, %values: memref<2x4x9x6xf32>, %length: memref<2xi32>) {
  effattn.kv_cache_append ins(%k, %v : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>)
    outs(%keys, %values, %length : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2xi32>) {ring = false}
  return
}
