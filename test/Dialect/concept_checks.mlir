// RUN: effattn-opt %s -split-input-file -effattn-insert-checks -canonicalize | FileCheck %s

// Each row is counted up to its length.
// CHECK-LABEL: @capacity_of_ragged_rows
// CHECK-SAME:    %[[MASK:[a-z0-9]+]]: tensor<2x5xi1>, %[[LENGTHS:[a-z0-9]+]]: tensor<2xi64>
// CHECK:         %[[CAPACITY:.*]] = arith.constant 3 : index
// CHECK:         "'effattn.chunk' op expected lengths of row {0}
// CHECK:         scf.for %[[ROW:.*]] = %
// CHECK:           %[[LENGTH:.*]] = tensor.extract %[[LENGTHS]][%[[ROW]]]
// CHECK:           %[[TOKENS:.*]] = arith.index_cast %[[LENGTH]]
// CHECK:           %[[COUNT:.*]] = scf.for %[[TOKEN:.*]] = %{{.*}} to %[[TOKENS]]
// CHECK:             tensor.extract %[[MASK]][%[[ROW]], %[[TOKEN]]]
// CHECK:           %[[FITS:.*]] = arith.cmpi sle, %[[COUNT]], %[[CAPACITY]]
// CHECK:           effattn.check %[[FITS]], "'effattn.chunk' op expected at most {0} boundaries (capacity), but got {1} in row {2}"(%[[CAPACITY]], %[[COUNT]], %[[ROW]] : index, index, index)
func.func @capacity_of_ragged_rows(%mask: tensor<2x5xi1>, %lengths: tensor<2xi64>, %h: tensor<2x5x8xf32>,
    %concepts: tensor<2x3x8xf32>, %counts: tensor<2xi32>) -> tensor<2xi32> {
  %0:2 = effattn.chunk ins(%h, %mask : tensor<2x5x8xf32>, tensor<2x5xi1>) lengths(%lengths : tensor<2xi64>)
    outs(%concepts, %counts : tensor<2x3x8xf32>, tensor<2xi32>)
  return %0#1 : tensor<2xi32>
}

// -----

// CHECK-LABEL: @capacity_on_buffers
// CHECK:         effattn.check %{{.*}}, "'effattn.chunk' op expected at most {0} boundaries
func.func @capacity_on_buffers(%h: memref<?x?x?xf32>, %mask: memref<?x?xi1>, %concepts: memref<?x?x?xf32>,
    %counts: memref<?xi32>) {
  effattn.chunk ins(%h, %mask : memref<?x?x?xf32>, memref<?x?xi1>) outs(%concepts, %counts : memref<?x?x?xf32>, memref<?xi32>)
  return
}

// -----

// Late boundaries are dropped, which is no error.
// CHECK-LABEL: @dropping_needs_no_check
// CHECK-NOT:     effattn.check
func.func @dropping_needs_no_check(%h: tensor<2x5x8xf32>, %mask: tensor<2x5xi1>, %concepts: tensor<2x3x8xf32>,
    %counts: tensor<2xi32>) -> tensor<2xi32> {
  %0:2 = effattn.chunk ins(%h, %mask : tensor<2x5x8xf32>, tensor<2x5xi1>)
    outs(%concepts, %counts : tensor<2x3x8xf32>, tensor<2xi32>) {overflow = #effattn.overflow<drop>}
  return %0#1 : tensor<2xi32>
}

// -----

// CHECK-LABEL: @room_for_every_token_needs_no_check
// CHECK-NOT:     effattn.check
func.func @room_for_every_token_needs_no_check(%h: tensor<2x5x8xf32>, %mask: tensor<2x5xi1>,
    %concepts: tensor<2x5x8xf32>, %counts: tensor<2xi32>) -> tensor<2xi32> {
  %0:2 = effattn.chunk ins(%h, %mask : tensor<2x5x8xf32>, tensor<2x5xi1>)
    outs(%concepts, %counts : tensor<2x5x8xf32>, tensor<2xi32>)
  return %0#1 : tensor<2xi32>
}
