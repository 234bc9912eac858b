// RUN: effattn-opt %s -effattn-lower-packs -canonicalize | FileCheck %s --implicit-check-not=linalg.pack --implicit-check-not=linalg.unpack
// RUN: effattn-opt %s -effattn-insert-checks | FileCheck %s --check-prefix=CHECKS

// CHECK-LABEL: @pack
// CHECK:         tensor.pad
// CHECK:         tensor.expand_shape
// CHECK:         linalg.transpose
// CHECKS-LABEL: @pack
// CHECKS:        effattn.check {{.*}} "'linalg.pack' op expected the packed dim 0 to be {0}, which dim 1 needs, but got {1}"
// CHECKS:        effattn.check {{.*}} "'linalg.pack' op expected the packed dim 1 to be {0}, which dim 0 needs, but got {1}"
// CHECKS-NOT:    effattn.check
// CHECKS:        linalg.pack
func.func @pack(%w: tensor<?x?xf32>, %out: tensor<?x?x48xf32>) -> tensor<?x?x48xf32> {
  %zero = arith.constant 0.0 : f32
  %panels = linalg.pack %w padding_value(%zero : f32) outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [48]
      into %out : tensor<?x?xf32> -> tensor<?x?x48xf32>
  return %panels : tensor<?x?x48xf32>
}

// CHECKS-LABEL: @pack_whole
// CHECKS-COUNT-2: effattn.check {{.*}} which dim
// CHECKS:        effattn.check {{.*}} "'linalg.pack' op expected dim 1 to be a multiple of {0} without padding, but got {1}"
func.func @pack_whole(%w: tensor<?x?xf32>, %out: tensor<?x?x16xf32>) -> tensor<?x?x16xf32> {
  %panels = linalg.pack %w outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [16]
      into %out : tensor<?x?xf32> -> tensor<?x?x16xf32>
  return %panels : tensor<?x?x16xf32>
}

// CHECK-LABEL: @unpack
// CHECK:         linalg.transpose
// CHECK:         tensor.collapse_shape
// CHECK:         tensor.extract_slice
// CHECKS-LABEL: @unpack
// CHECKS:        effattn.check {{.*}} expected the packed dim 0 to be at least {0}, which dim 1 needs, but got {1}
// CHECKS:        effattn.check {{.*}} expected the packed dim 1 to be {0}, which dim 0 needs, but got {1}
func.func @unpack(%panels: tensor<?x?x48xf32>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %w = linalg.unpack %panels outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [48]
      into %out : tensor<?x?x48xf32> -> tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}

// CHECK-LABEL: @empty
// CHECK-SAME:    %[[OUT:.*]]: tensor<0x0x2xf32>, %[[W:.*]]: tensor<0x0xf32>)
// CHECK-NEXT:    return %[[OUT]], %[[W]]
func.func @empty(%out: tensor<0x0x2xf32>, %w: tensor<0x0xf32>) -> (tensor<0x0x2xf32>, tensor<0x0xf32>) {
  %zero = arith.constant 0.0 : f32
  %panels = linalg.pack %w padding_value(%zero : f32) outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [2]
      into %out : tensor<0x0xf32> -> tensor<0x0x2xf32>
  %rows = linalg.unpack %out outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [2]
      into %w : tensor<0x0x2xf32> -> tensor<0x0xf32>
  return %panels, %rows : tensor<0x0x2xf32>, tensor<0x0xf32>
}
