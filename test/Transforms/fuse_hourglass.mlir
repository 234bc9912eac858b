// RUN: effattn-opt %s -effattn-fuse-hourglass | FileCheck %s
// RUN: effattn-opt %s -effattn-fuse-hourglass -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// A tile of rows goes through all three.
// REMARK: remark: [Passed] hourglass-chain
// REMARK-SAME: rows go through 3 hourglasses before the next rows do
// CHECK-LABEL: @chain
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x8xf32>
// CHECK-NOT:     effattn.hourglass_ffn
// CHECK:         scf.forall {{.*}} step (8)
// CHECK:           %[[TILE:.*]] = tensor.extract_slice %[[X]]
// CHECK:           %[[A:.*]] = effattn.hourglass_ffn ins(%[[TILE]],
// CHECK:           %[[B:.*]] = effattn.hourglass_ffn ins(%[[A]],
// CHECK:           effattn.hourglass_ffn ins(%[[B]],
// CHECK-NOT:     effattn.hourglass_ffn
func.func @chain(%x: tensor<?x8xf32>, %n: tensor<2x8xf32>, %g: tensor<2x8x4xf32>, %d: tensor<2x4x8xf32>,
    %e: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = effattn.hourglass_ffn ins(%x, %n, %g, %g, %d : tensor<?x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x4x8xf32>)
    outs(%e : tensor<?x8xf32>)
  %1 = effattn.hourglass_ffn ins(%0, %n, %g, %g, %d : tensor<?x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x4x8xf32>)
    outs(%e : tensor<?x8xf32>)
  %2 = effattn.hourglass_ffn ins(%1, %n, %g, %g, %d : tensor<?x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x4x8xf32>)
    outs(%out : tensor<?x8xf32>)
  return %2 : tensor<?x8xf32>
}

// Rows between the two are needed elsewhere.
// REMARK-NOT: remark
// CHECK-LABEL: @used_elsewhere
// CHECK-NOT:     scf.forall
func.func @used_elsewhere(%x: tensor<2x8xf32>, %n: tensor<2x8xf32>, %g: tensor<2x8x4xf32>, %d: tensor<2x4x8xf32>,
    %e: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = effattn.hourglass_ffn ins(%x, %n, %g, %g, %d : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x4x8xf32>)
    outs(%e : tensor<2x8xf32>)
  %1 = effattn.hourglass_ffn ins(%0, %n, %g, %g, %d : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x4x8xf32>)
    outs(%e : tensor<2x8xf32>)
  return %0, %1 : tensor<2x8xf32>, tensor<2x8xf32>
}
