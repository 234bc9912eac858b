// RUN: effattn-opt %s -effattn-fuse-address-decode -canonicalize | FileCheck %s
// RUN: effattn-opt %s -effattn-fuse-address-decode -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The logits are taken as they were before the split.
// REMARK:      remark: [Passed] address-decode
// REMARK-SAME: Remark="the slots turn where they are found"
// CHECK-LABEL: @split_logits
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x12xf32>, %[[P:[a-z0-9]+]]: tensor<?x?xi64>, %[[W:[a-z0-9]+]]: tensor<?x?x8xf32>, %{{.*}}: tensor<?x?x8xi32>, %[[OUT:.*]]: tensor<?x?x8xi32>
// CHECK-NEXT:    %[[R:.*]]:2 = effattn.address_decode ins(%[[X]] : tensor<?x?x12xf32>) positions(%[[P]] : tensor<?x?xi64>) outs(%[[W]], %[[OUT]] :
// CHECK-SAME:      {digits = 3 : i64, k = 8 : i64, mode = #effattn.shift<digits>, normalize = true, periods = array<i64: 16, 4, 1>, steps = array<i64: 1, 1, 2>, temperature = 5.000000e-01 : f64}
// CHECK-NEXT:    return %[[R]]#0, %[[R]]#1
func.func @split_logits(%x: tensor<?x?x12xf32>, %p: tensor<?x?xi64>, %w: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>, %out: tensor<?x?x8xi32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x12xf32>
  %t = tensor.dim %x, %c1 : tensor<?x?x12xf32>
  %digits = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [%b, %t, 3, 4] : tensor<?x?x12xf32> into tensor<?x?x3x4xf32>
  %weights, %slots = effattn.product_softmax_top_k ins(%digits : tensor<?x?x3x4xf32>)
    outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {k = 8, temperature = 0.5, normalize = true}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<?x?x8xi32>, tensor<?x?xi64>) outs(%out : tensor<?x?x8xi32>)
    {digits = 3, base = 4, mode = #effattn.shift<digits>, periods = array<i64: 16, 4, 1>, steps = array<i64: 1, 1, 2>}
  return %weights, %turned : tensor<?x?x8xf32>, tensor<?x?x8xi32>
}

// REMARK:      [Passed] address-decode
// CHECK-LABEL: @logits_by_digit
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x3x4xf32>
// CHECK:         %[[FLAT:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0], [1], [2, 3]] : tensor<?x?x3x4xf32> into tensor<?x?x12xf32>
// CHECK:         effattn.address_decode ins(%[[FLAT]] : tensor<?x?x12xf32>)
func.func @logits_by_digit(%x: tensor<?x?x3x4xf32>, %p: tensor<?x?xi32>, %w: tensor<?x?x8xf32>, %i: tensor<?x?x8xi32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<?x?x3x4xf32>) outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<?x?x8xi32>, tensor<?x?xi32>) outs(%i : tensor<?x?x8xi32>) {digits = 3, base = 4}
  return %weights, %turned : tensor<?x?x8xf32>, tensor<?x?x8xi32>
}

// Positions come late and weights are used late: the op stands at the shift.
// REMARK:      [Passed] address-decode
// CHECK-LABEL: @positions_from_elsewhere
// CHECK:         %[[P:.*]] = arith.addi
// CHECK:         %[[R:.*]]:2 = effattn.address_decode {{.*}} positions(%[[P]]
// CHECK:         arith.addf %[[R]]#0
func.func @positions_from_elsewhere(%x: tensor<1x2x3x4xf32>, %p: tensor<1x2xi32>, %w: tensor<1x2x8xf32>, %i: tensor<1x2x8xi32>)
    -> (tensor<1x2x8xf32>, tensor<1x2x8xi32>) {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x8xf32>, tensor<1x2x8xi32>) {k = 8}
  %later = arith.addi %p, %p : tensor<1x2xi32>
  %turned = effattn.cyclic_shift ins(%slots, %later : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 3, base = 4}
  %twice = arith.addf %weights, %weights : tensor<1x2x8xf32>
  return %twice, %turned : tensor<1x2x8xf32>, tensor<1x2x8xi32>
}

// REMARK:      [Missed] address-decode
// REMARK-SAME: the weights are used before the positions exist
// CHECK-LABEL: @positions_from_the_weights
// CHECK:         effattn.cyclic_shift
func.func @positions_from_the_weights(%x: tensor<1x2x3x4xf32>, %w: tensor<1x2x2xf32>, %i: tensor<1x2x2xi32>) -> tensor<1x2x2xi32> {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x2xf32>, tensor<1x2x2xi32>) {k = 2}
  %first = tensor.extract_slice %weights[0, 0, 0] [1, 2, 1] [1, 1, 1] : tensor<1x2x2xf32> to tensor<1x2xf32>
  %p = arith.fptosi %first : tensor<1x2xf32> to tensor<1x2xi32>
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x2xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x2xi32>) {digits = 3, base = 4}
  return %turned : tensor<1x2x2xi32>
}

// REMARK:      [Missed] address-decode
// REMARK-SAME: the slots have other uses before they turn
// CHECK-LABEL: @slots_used_elsewhere
// CHECK:         effattn.product_softmax_top_k
// CHECK:         effattn.cyclic_shift
func.func @slots_used_elsewhere(%x: tensor<1x2x3x4xf32>, %p: tensor<1x2xi32>, %w: tensor<1x2x8xf32>, %i: tensor<1x2x8xi32>)
    -> (tensor<1x2x8xi32>, tensor<1x2x8xi32>) {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x8xf32>, tensor<1x2x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 3, base = 4}
  return %slots, %turned : tensor<1x2x8xi32>, tensor<1x2x8xi32>
}

// REMARK:      [Missed] address-decode
// REMARK-SAME: the digits or values per digit of x are dynamic, those of the shift are not
// CHECK-LABEL: @dynamic_values_per_digit
// CHECK:         effattn.cyclic_shift
func.func @dynamic_values_per_digit(%x: tensor<1x2x3x?xf32>, %p: tensor<1x2xi32>, %w: tensor<1x2x8xf32>, %i: tensor<1x2x8xi32>) -> tensor<1x2x8xi32> {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x?xf32>) outs(%w, %i : tensor<1x2x8xf32>, tensor<1x2x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 3, base = 4}
  return %turned : tensor<1x2x8xi32>
}

// REMARK:      [Missed] address-decode
// REMARK-SAME: x and the shift differ in their digits
// CHECK-LABEL: @other_digits
// CHECK:         effattn.cyclic_shift
func.func @other_digits(%x: tensor<1x2x3x4xf32>, %p: tensor<1x2xi32>, %w: tensor<1x2x8xf32>, %i: tensor<1x2x8xi32>) -> tensor<1x2x8xi32> {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x8xf32>, tensor<1x2x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 2, base = 4}
  return %turned : tensor<1x2x8xi32>
}

// REMARK:      [Missed] address-decode
// REMARK-SAME: x and the shift differ in their values per digit
// CHECK-LABEL: @other_values_per_digit
// CHECK:         effattn.cyclic_shift
func.func @other_values_per_digit(%x: tensor<1x2x3x4xf32>, %p: tensor<1x2xi32>, %w: tensor<1x2x8xf32>, %i: tensor<1x2x8xi32>) -> tensor<1x2x8xi32> {
  %weights, %slots = effattn.product_softmax_top_k ins(%x : tensor<1x2x3x4xf32>) outs(%w, %i : tensor<1x2x8xf32>, tensor<1x2x8xi32>) {k = 8}
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 3, base = 8}
  return %turned : tensor<1x2x8xi32>
}

// REMARK-NOT:  remark:
// CHECK-LABEL: @slots_from_outside
// CHECK:         effattn.cyclic_shift
func.func @slots_from_outside(%slots: tensor<1x2x8xi32>, %p: tensor<1x2xi32>, %i: tensor<1x2x8xi32>) -> tensor<1x2x8xi32> {
  %turned = effattn.cyclic_shift ins(%slots, %p : tensor<1x2x8xi32>, tensor<1x2xi32>) outs(%i : tensor<1x2x8xi32>) {digits = 3, base = 8}
  return %turned : tensor<1x2x8xi32>
}
