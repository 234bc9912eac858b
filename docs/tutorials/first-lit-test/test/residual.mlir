// RUN: effattn-opt %s -effattn-fuse-dechunk-residual | FileCheck %s

// CHECK-LABEL: @add_tokens
// CHECK-SAME:    %[[TOKENS:[a-z0-9]+]]: tensor<1x?x8xf32>
// CHECK:         %[[OUT:.*]]:2 = effattn.dechunk
// CHECK-SAME:      residual(%[[TOKENS]] :
// CHECK-NOT:     arith.addf
// CHECK:         return %[[OUT]]#0
func.func @add_tokens(%tokens: tensor<1x?x8xf32>, %concepts: tensor<1x?x8xf32>,
    %p: tensor<1x?xf32>, %mask: tensor<1x?xi1>, %out: tensor<1x?x8xf32>,
    %state: tensor<1x8xf32>) -> tensor<1x?x8xf32> {
  %e, %s = effattn.dechunk
      ins(%concepts, %p, %mask : tensor<1x?x8xf32>, tensor<1x?xf32>, tensor<1x?xi1>)
      outs(%out, %state : tensor<1x?x8xf32>, tensor<1x8xf32>)
  %sum = arith.addf %tokens, %e : tensor<1x?x8xf32>
  return %sum : tensor<1x?x8xf32>
}
