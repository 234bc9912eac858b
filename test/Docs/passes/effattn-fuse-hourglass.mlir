// RUN: effattn-opt %s -effattn-fuse-hourglass | FileCheck %s
// Both blocks are applied to a tile of rows before the next tile.
func.func @chain(%x: tensor<?x8xf32>, %n: tensor<2x8xf32>, %g: tensor<2x8x4xf32>, %d: tensor<2x4x8xf32>,
                 %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = effattn.hourglass_ffn ins(%x, %n, %g, %g, %d : tensor<?x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>,
    tensor<2x8x4xf32>, tensor<2x4x8xf32>) outs(%out : tensor<?x8xf32>)
  %1 = effattn.hourglass_ffn ins(%0, %n, %g, %g, %d : tensor<?x8xf32>, tensor<2x8xf32>, tensor<2x8x4xf32>,
    tensor<2x8x4xf32>, tensor<2x4x8xf32>) outs(%out : tensor<?x8xf32>)
  return %1 : tensor<?x8xf32>
}
// CHECK: scf.forall
// CHECK-COUNT-2: effattn.hourglass_ffn
