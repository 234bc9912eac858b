// RUN: effattn-opt %s -effattn-fuse-product-top-k | FileCheck %s
// RUN: effattn-opt %s -effattn-fuse-product-top-k -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK:      remark: [Passed] product-top-k
// REMARK-SAME: Remark="the best slots are searched digit by digit"
// CHECK-LABEL: @best_of_a_product
// CHECK-SAME:    %[[X:.*]]: tensor<?x3x4xbf16>, %{{.*}}: tensor<?x64xf32>, %[[V:.*]]: tensor<?x8xf32>, %[[I:.*]]: tensor<?x8xi32>
// CHECK-NOT:     effattn.product_softmax ins
// CHECK:         %[[R:.*]]:2 = effattn.product_softmax_top_k ins(%[[X]] : tensor<?x3x4xbf16>) outs(%[[V]], %[[I]] :
// CHECK-SAME:      {k = 8 : i64, temperature = 5.000000e-01 : f64}
// CHECK:         return %[[R]]#0, %[[R]]#1
func.func @best_of_a_product(%x: tensor<?x3x4xbf16>, %out: tensor<?x64xf32>, %v: tensor<?x8xf32>, %i: tensor<?x8xi32>)
    -> (tensor<?x8xf32>, tensor<?x8xi32>) {
  %slots = effattn.product_softmax ins(%x : tensor<?x3x4xbf16>) outs(%out : tensor<?x64xf32>) {temperature = 0.5}
  %values, %indices = effattn.top_k ins(%slots : tensor<?x64xf32>) outs(%v, %i : tensor<?x8xf32>, tensor<?x8xi32>) {k = 8}
  return %values, %indices : tensor<?x8xf32>, tensor<?x8xi32>
}

// The slot values have a second use: fusing would compute them twice.
// REMARK:      remark: [Missed] product-top-k
// REMARK-SAME: the slot values have other uses, so they exist anyway
// CHECK-LABEL: @slot_values_used_elsewhere
// CHECK:         effattn.product_softmax
// CHECK:         effattn.top_k
func.func @slot_values_used_elsewhere(%x: tensor<3x4xf32>, %out: tensor<64xf32>, %v: tensor<8xf32>, %i: tensor<8xi32>)
    -> (tensor<64xf32>, tensor<8xf32>) {
  %slots = effattn.product_softmax ins(%x : tensor<3x4xf32>) outs(%out : tensor<64xf32>)
  %values, %indices = effattn.top_k ins(%slots : tensor<64xf32>) outs(%v, %i : tensor<8xf32>, tensor<8xi32>) {k = 8}
  return %slots, %values : tensor<64xf32>, tensor<8xf32>
}

// REMARK-NOT:  remark:
// CHECK-LABEL: @best_of_something_else
// CHECK:         effattn.top_k
func.func @best_of_something_else(%x: tensor<64xf32>, %v: tensor<8xf32>, %i: tensor<8xi32>) -> tensor<8xf32> {
  %values, %indices = effattn.top_k ins(%x : tensor<64xf32>) outs(%v, %i : tensor<8xf32>, tensor<8xi32>) {k = 8}
  return %values : tensor<8xf32>
}
