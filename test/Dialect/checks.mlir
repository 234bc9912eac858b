// RUN: effattn-opt %s -split-input-file -effattn-insert-checks -canonicalize | FileCheck %s

// Sizes that are static were verified; a dynamic one is compared with them.
// CHECK-LABEL: @dynamic_against_static
// CHECK-SAME:    %[[P:[a-z0-9]+]]: tensor<?x4xf32>
// CHECK:         %[[ROWS:.*]] = tensor.dim %[[P]], %{{.*}} : tensor<?x4xf32>
// CHECK:         %[[OK:.*]] = arith.cmpi eq, %[[ROWS]], %{{.*}} : index
// CHECK:         effattn.check %[[OK]], "'effattn.boundary_mask' op expected p rows (dim 0) to equal mask rows (dim 0), but got {0} and {1}"(%[[ROWS]], %{{.*}} : index, index)
// CHECK-NOT:     effattn.check
// CHECK:         effattn.boundary_mask
func.func @dynamic_against_static(%p: tensor<?x4xf32>, %out: tensor<2x4xi1>) -> tensor<2x4xi1> {
  %mask = effattn.boundary_mask ins(%p : tensor<?x4xf32>) outs(%out : tensor<2x4xi1>)
  return %mask : tensor<2x4xi1>
}

// -----

// CHECK-LABEL: @static_needs_no_check
// CHECK-NOT:     effattn.check
func.func @static_needs_no_check(%p: tensor<2x4xf32>, %out: tensor<2x4xi1>) -> tensor<2x4xi1> {
  %mask = effattn.boundary_mask ins(%p : tensor<2x4xf32>) outs(%out : tensor<2x4xi1>)
  return %mask : tensor<2x4xi1>
}

// -----

// CHECK-LABEL: @lengths_inside_rows
// CHECK-SAME:    %[[LENGTHS:[a-z0-9]+]]: tensor<2xi32>
// CHECK:         scf.for %[[ROW:.*]] = %
// CHECK:           tensor.extract %[[LENGTHS]][%[[ROW]]]
// CHECK:           effattn.check %{{.*}}, "'effattn.boundary_count' op expected lengths of row {0} to be between 0 and the token count {1}, but got {2}"(%[[ROW]],
func.func @lengths_inside_rows(%mask: tensor<2x4xi1>, %lengths: tensor<2xi32>,
    %counts: tensor<2xi32>, %largest: tensor<i32>) -> tensor<2xi32> {
  %c, %l = effattn.boundary_count ins(%mask : tensor<2x4xi1>) lengths(%lengths : tensor<2xi32>)
    outs(%counts, %largest : tensor<2xi32>, tensor<i32>)
  return %c : tensor<2xi32>
}

// -----

// CHECK-LABEL: @masks_share_the_symbols_of_their_op
// CHECK:         effattn.check %{{.*}}, "'effattn.materialize_mask' op expected is_separator key count (dim 1) to equal keep key count (dim 3), but got {0} and {1}"
func.func @masks_share_the_symbols_of_their_op(%separators: tensor<1x?xi1>, %out: tensor<1x1x8x8xi1>) -> tensor<1x1x8x8xi1> {
  %keep = effattn.materialize_mask outs(%out : tensor<1x1x8x8xi1>) mask {
    %mask = effattn.separator_mask %separators : tensor<1x?xi1> {initial = 2, window = 4}
    effattn.yield %mask : !effattn.mask
  }
  return %keep : tensor<1x1x8x8xi1>
}

// -----

// CHECK-LABEL: @linalg_too
// CHECK:         effattn.check %{{.*}}, "'linalg.add' op expected operand 1 size (dim 0) to equal operand 0 size (dim 0), but got {0} and {1}"
// CHECK-NOT:     effattn.check
func.func @linalg_too(%a: tensor<4xf32>, %b: tensor<?xf32>, %out: tensor<4xf32>) -> tensor<4xf32> {
  %sum = linalg.add ins(%a, %b : tensor<4xf32>, tensor<?xf32>) outs(%out : tensor<4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}
