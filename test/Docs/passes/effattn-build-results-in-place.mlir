// RUN: effattn-opt %s -effattn-build-results-in-place -canonicalize | FileCheck %s
// The product is computed in the caller's buffer, not in a new one that is copied.
func.func @product(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>, %result: memref<8x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x8xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x8xf32>) -> tensor<8x8xf32>
  %product = linalg.matmul ins(%a, %b : tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%start : tensor<8x8xf32>) -> tensor<8x8xf32>
  bufferization.materialize_in_destination %product in restrict writable %result
    : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  return
}
// CHECK: %[[MEMORY:.*]] = bufferization.to_tensor %arg2 restrict writable
// CHECK: linalg.fill {{.*}} outs(%[[MEMORY]]
