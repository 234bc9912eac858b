// RUN: effattn-opt %s -effattn-expand-product-softmax='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// Prefixes of two digits are sorted in registers.
func.func @best(%x: memref<?x2x64xf32>, %v: memref<?x8xf32>, %i: memref<?x8xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x2x64xf32>) outs(%v, %i : memref<?x8xf32>, memref<?x8xi32>) {k = 8}
  return
}
// CHECK-NOT: effattn.product_softmax_top_k
// CHECK: vector<16xf32>
