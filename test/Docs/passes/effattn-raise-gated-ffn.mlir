// RUN: effattn-opt %s -effattn-raise-gated-ffn | FileCheck %s
// Three products around an activation are one layer.
func.func @layer(%x: tensor<?x8xf32>, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>,
                 %out: tensor<?x8xf32>, %hidden: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%hidden : tensor<?x16xf32>) -> tensor<?x16xf32>
  %gate = linalg.matmul ins(%x, %g : tensor<?x8xf32>, tensor<8x16xf32>) outs(%init : tensor<?x16xf32>) -> tensor<?x16xf32>
  %up = linalg.matmul ins(%x, %u : tensor<?x8xf32>, tensor<8x16xf32>) outs(%init : tensor<?x16xf32>) -> tensor<?x16xf32>
  %relu = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%gate : tensor<?x16xf32>) outs(%hidden : tensor<?x16xf32>) {
  ^bb0(%h: f32, %ignored: f32):
    %most = arith.maximumf %h, %zero : f32
    linalg.yield %most : f32
  } -> tensor<?x16xf32>
  %product = arith.mulf %relu, %up : tensor<?x16xf32>
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  %0 = linalg.matmul ins(%product, %d : tensor<?x16xf32>, tensor<16x8xf32>) outs(%start : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
// CHECK: effattn.gated_ffn
// CHECK-NOT: linalg.matmul
