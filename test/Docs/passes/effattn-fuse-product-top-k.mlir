// RUN: effattn-opt %s -effattn-fuse-product-top-k | FileCheck %s
// Of 4^3 = 64 slots only 8 are wanted: the search looks at 8 prefixes a digit.
func.func @best(%x: tensor<?x3x4xf32>, %out: tensor<?x64xf32>, %v: tensor<?x8xf32>, %i: tensor<?x8xi32>)
    -> (tensor<?x8xf32>, tensor<?x8xi32>) {
  %slots = effattn.product_softmax ins(%x : tensor<?x3x4xf32>) outs(%out : tensor<?x64xf32>)
  %values, %indices = effattn.top_k ins(%slots : tensor<?x64xf32>)
    outs(%v, %i : tensor<?x8xf32>, tensor<?x8xi32>) {k = 8}
  return %values, %indices : tensor<?x8xf32>, tensor<?x8xi32>
}
// CHECK-NOT: effattn.top_k
// CHECK: effattn.product_softmax_top_k
// CHECK-NOT: effattn.top_k
