// RUN: effattn-opt %s -effattn-fuse-dechunk-residual | FileCheck %s
// The sum becomes an operand: one pass over the tokens in place of two.
func.func @decode(%h: tensor<2x?x8xf32>, %y: tensor<2x?x8xf32>, %p: tensor<2x?xf32>, %mask: tensor<2x?xi1>,
                  %out: tensor<2x?x8xf32>, %state: tensor<2x8xf32>) -> tensor<2x?x8xf32> {
  %tokens, %last = effattn.dechunk ins(%y, %p, %mask : tensor<2x?x8xf32>, tensor<2x?xf32>, tensor<2x?xi1>)
    outs(%out, %state : tensor<2x?x8xf32>, tensor<2x8xf32>)
  %sum = arith.addf %h, %tokens : tensor<2x?x8xf32>
  return %sum : tensor<2x?x8xf32>
}
// CHECK: effattn.dechunk {{.*}} residual(%arg0 :
// CHECK-NOT: arith.addf
