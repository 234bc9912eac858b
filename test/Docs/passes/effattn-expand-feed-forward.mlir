// RUN: effattn-opt %s -effattn-expand-feed-forward='vector-bits=512 vector-registers=32' | FileCheck %s
// The layer becomes products and an activation in between, for the expansion of products.
func.func @layer(%x: memref<?x640xf32>, %gate: memref<640x2048xf32>, %up: memref<640x2048xf32>,
                 %down: memref<2048x640xf32>, %out: memref<?x640xf32>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<?x640xf32>, memref<640x2048xf32>, memref<640x2048xf32>,
    memref<2048x640xf32>) outs(%out : memref<?x640xf32>)
  return
}
// CHECK-NOT: effattn.gated_ffn
// CHECK: linalg.
// CHECK-NOT: effattn.gated_ffn
