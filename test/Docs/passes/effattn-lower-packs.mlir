// RUN: effattn-opt %s -effattn-lower-packs | FileCheck %s
// Panels of 16 columns are made by ops that bufferize and tile: padding, a reshape, a transpose.
func.func @pack(%w: tensor<64x32xf32>, %out: tensor<2x64x16xf32>) -> tensor<2x64x16xf32> {
  %panels = linalg.pack %w outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [16]
    into %out : tensor<64x32xf32> -> tensor<2x64x16xf32>
  return %panels : tensor<2x64x16xf32>
}
// CHECK-NOT: linalg.pack
// CHECK: linalg.transpose
// CHECK-NOT: linalg.pack
