// RUN: effattn-opt %s -effattn-fuse-address-decode | FileCheck %s
// Slots that are searched only to be turned are turned as they are found.
func.func @addresses(%x: tensor<1x?x3x4xf32>, %p: tensor<1x?xi32>, %w: tensor<1x?x8xf32>, %i: tensor<1x?x8xi32>)
    -> (tensor<1x?x8xf32>, tensor<1x?x8xi32>) {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x?x3x4xf32>)
    outs(%w, %i : tensor<1x?x8xf32>, tensor<1x?x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x?x8xi32>, tensor<1x?xi32>)
    outs(%i : tensor<1x?x8xi32>) {digits = 3, base = 4}
  return %weights, %turned : tensor<1x?x8xf32>, tensor<1x?x8xi32>
}
// CHECK-NOT: cyclic_shift
// CHECK: effattn.address_decode
// CHECK-NOT: cyclic_shift
