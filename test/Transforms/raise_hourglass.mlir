// RUN: effattn-opt %s -split-input-file -effattn-raise-hourglass | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-raise-hourglass -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-raise-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The weights become stacks of one, without a copy.
// REMARK: remark: [Passed] hourglass-block
// CHECK-LABEL: @block
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x8xf32>, %[[N:[^:]*]]: tensor<8xf32>, %[[G:[^:]*]]: tensor<8x4xf32>
// CHECK-DAG:     %[[NORM:.*]] = tensor.expand_shape %[[N]] {{\[\[}}0, 1]] output_shape [1, 8]
// CHECK-DAG:     %[[GATE:.*]] = tensor.expand_shape %[[G]] {{\[\[}}0, 1], [2]] output_shape [1, 8, 4]
// CHECK:         effattn.hourglass_ffn ins(%[[X]], %[[NORM]], %[[GATE]], {{.*}}) {{.*}} {activation = #effattn.activation<relu>, epsilon = 1.000000e-05 : f64}
// CHECK-NOT:     effattn.gated_ffn
// CHECK-NOT:     effattn.rms_norm
// CHECK-NOT:     arith.addf
func.func @block(%x: tensor<?x8xf32>, %n: tensor<8xf32>, %g: tensor<8x4xf32>, %u: tensor<8x4xf32>,
    %d: tensor<4x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %norm = effattn.rms_norm ins(%x, %n : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) {epsilon = 1.0e-5}
  %ffn = effattn.gated_ffn ins(%norm, %g, %u, %d : tensor<?x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x8xf32>)
    outs(%e : tensor<?x8xf32>) {activation = #effattn.activation<relu>}
  %sum = arith.addf %ffn, %x : tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}

// -----

// In bf16 the norm and the network round.
// REMARK: remark: [Missed] hourglass-block
// REMARK-SAME: round their results
// CHECK-LABEL: @rounding
// CHECK-NOT:     effattn.hourglass_ffn
func.func @rounding(%x: tensor<2x8xbf16>, %n: tensor<8xf32>, %w: tensor<8x8xf32>, %e: tensor<2x8xbf16>) -> tensor<2x8xbf16> {
  %norm = effattn.rms_norm ins(%x, %n : tensor<2x8xbf16>, tensor<8xf32>) outs(%e : tensor<2x8xbf16>)
  %ffn = effattn.gated_ffn ins(%norm, %w, %w, %w : tensor<2x8xbf16>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%e : tensor<2x8xbf16>)
  %sum = linalg.add ins(%x, %ffn : tensor<2x8xbf16>, tensor<2x8xbf16>) outs(%e : tensor<2x8xbf16>) -> tensor<2x8xbf16>
  return %sum : tensor<2x8xbf16>
}

// -----

// The norm adds 1 to its weight; the branch is of other rows.
// REMARK: remark: [Missed] hourglass-block
// REMARK-SAME: adds 1 to its weight
// REMARK-NOT: remark
// CHECK-LABEL: @others
// CHECK-NOT:     effattn.hourglass_ffn
func.func @others(%x: tensor<2x8xf32>, %y: tensor<2x8xf32>, %n: tensor<8xf32>, %w: tensor<8x8xf32>, %e: tensor<2x8xf32>)
    -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %norm = effattn.rms_norm ins(%x, %n : tensor<2x8xf32>, tensor<8xf32>) outs(%e : tensor<2x8xf32>) {unit_offset = true}
  %ffn = effattn.gated_ffn ins(%norm, %w, %w, %w : tensor<2x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%e : tensor<2x8xf32>)
  %sum = arith.addf %x, %ffn : tensor<2x8xf32>
  %plain = effattn.rms_norm ins(%x, %n : tensor<2x8xf32>, tensor<8xf32>) outs(%e : tensor<2x8xf32>)
  %branch = effattn.gated_ffn ins(%plain, %w, %w, %w : tensor<2x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>)
    outs(%e : tensor<2x8xf32>)
  %apart = arith.addf %y, %branch : tensor<2x8xf32>
  return %sum, %apart : tensor<2x8xf32>, tensor<2x8xf32>
}
