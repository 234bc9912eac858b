// RUN: effattn-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @hourglass_without_blocks
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK-NEXT:    return %[[X]]
func.func @hourglass_without_blocks(%x: tensor<?x8xf32>, %norm: tensor<?x8xf32>, %gate: tensor<0x8x4xf32>, %down: tensor<?x4x8xf32>,
    %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %gate, %down
    : tensor<?x8xf32>, tensor<?x8xf32>, tensor<0x8x4xf32>, tensor<0x8x4xf32>, tensor<?x4x8xf32>) outs(%out : tensor<?x8xf32>)
  return %rows : tensor<?x8xf32>
}

// CHECK-LABEL: @hourglass_of_unknown_blocks
// CHECK:         effattn.hourglass_ffn
func.func @hourglass_of_unknown_blocks(%x: tensor<?x8xf32>, %norm: tensor<?x8xf32>, %gate: tensor<?x8x4xf32>, %down: tensor<?x4x8xf32>,
    %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %gate, %down
    : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x4x8xf32>) outs(%out : tensor<?x8xf32>)
  return %rows : tensor<?x8xf32>
}

// CHECK-LABEL: @hourglass_that_knows_a_size
// CHECK:         effattn.hourglass_ffn
func.func @hourglass_that_knows_a_size(%x: tensor<?x8xf32>, %norm: tensor<0x8xf32>, %gate: tensor<0x8x4xf32>, %down: tensor<0x4x8xf32>,
    %out: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %gate, %down
    : tensor<?x8xf32>, tensor<0x8xf32>, tensor<0x8x4xf32>, tensor<0x8x4xf32>, tensor<0x4x8xf32>) outs(%out : tensor<5x8xf32>)
  return %rows : tensor<5x8xf32>
}
