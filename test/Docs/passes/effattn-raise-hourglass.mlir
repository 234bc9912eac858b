// RUN: effattn-opt %s -effattn-raise-hourglass | FileCheck %s
// A norm, a gated layer and a residual sum are an hourglass of one block.
func.func @block(%x: tensor<?x8xf32>, %n: tensor<8xf32>, %g: tensor<8x4xf32>, %u: tensor<8x4xf32>,
                 %d: tensor<4x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %norm = effattn.rms_norm ins(%x, %n : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>)
  %ffn = effattn.gated_ffn ins(%norm, %g, %u, %d : tensor<?x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<4x8xf32>)
    outs(%e : tensor<?x8xf32>)
  %sum = arith.addf %ffn, %x : tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}
// CHECK-NOT: effattn.rms_norm
// CHECK: effattn.hourglass_ffn
// CHECK-NOT: arith.addf
