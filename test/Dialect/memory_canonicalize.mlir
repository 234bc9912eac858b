// RUN: effattn-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @shift_by_nothing
// CHECK-NOT:     effattn.cyclic_shift
func.func @shift_by_nothing(%x: tensor<1x2x3x4xf32>, %w: tensor<1x2x5xf32>, %i: tensor<1x2x5xi32>) -> (tensor<1x2x5xf32>, tensor<1x2x5xi32>) {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x5xf32>, tensor<1x2x5xi32>) {k = 5}
  %zeros = arith.constant dense<0> : tensor<1x2xi32>
  %turned = effattn.cyclic_shift ins(%slots, %zeros : tensor<1x2x5xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x5xi32>) {digits = 3, base = 4}
  return %weights, %turned : tensor<1x2x5xf32>, tensor<1x2x5xi32>
}

// Slots of 4^3 may lie outside of 2^3, where a shift by 0 wraps them.
// CHECK-LABEL: @shift_by_nothing_wraps
// CHECK:         effattn.cyclic_shift
func.func @shift_by_nothing_wraps(%x: tensor<1x2x3x4xf32>, %w: tensor<1x2x5xf32>, %i: tensor<1x2x5xi32>) -> tensor<1x2x5xi32> {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x5xf32>, tensor<1x2x5xi32>) {k = 5}
  %zeros = arith.constant dense<0> : tensor<1x2xi32>
  %turned = effattn.cyclic_shift ins(%slots, %zeros : tensor<1x2x5xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x5xi32>) {digits = 3, base = 2}
  return %turned : tensor<1x2x5xi32>
}

// Anything may come in from outside.
// CHECK-LABEL: @shift_of_unknown_slots
// CHECK:         effattn.cyclic_shift
func.func @shift_of_unknown_slots(%slots: tensor<1x2x5xi32>, %i: tensor<1x2x5xi32>) -> tensor<1x2x5xi32> {
  %zeros = arith.constant dense<0> : tensor<1x2xi32>
  %turned = effattn.cyclic_shift ins(%slots, %zeros : tensor<1x2x5xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x5xi32>) {digits = 3, base = 2}
  return %turned : tensor<1x2x5xi32>
}

// CHECK-LABEL: @decode_at_position_zero
// CHECK:         effattn.address_decode ins(%{{.*}} : tensor<1x2x12xf32>) outs
func.func @decode_at_position_zero(%x: tensor<1x2x12xf32>, %w: tensor<1x2x5xf32>, %i: tensor<1x2x5xi32>) -> (tensor<1x2x5xf32>, tensor<1x2x5xi32>) {
  %zeros = arith.constant dense<0> : tensor<1x2xi64>
  %weights, %slots = effattn.address_decode ins(%x : tensor<1x2x12xf32>) positions(%zeros : tensor<1x2xi64>)
    outs(%w, %i : tensor<1x2x5xf32>, tensor<1x2x5xi32>) {digits = 3, k = 5}
  return %weights, %slots : tensor<1x2x5xf32>, tensor<1x2x5xi32>
}
