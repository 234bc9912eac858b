// RUN: effattn-opt %s -effattn-outline-kernels | FileCheck %s
// Equal products are compiled once: both call one private function.
func.func @products(%x: memref<?x8xf32>, %a: memref<8x8xf32>, %b: memref<8x8xf32>, %y: memref<?x8xf32>) {
  linalg.matmul ins(%x, %a : memref<?x8xf32>, memref<8x8xf32>) outs(%y : memref<?x8xf32>)
  linalg.matmul ins(%x, %b : memref<?x8xf32>, memref<8x8xf32>) outs(%y : memref<?x8xf32>)
  return
}
// CHECK-COUNT-2: call @
// CHECK: func.func private @
// CHECK: linalg.matmul
