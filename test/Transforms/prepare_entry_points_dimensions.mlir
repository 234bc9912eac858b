// RUN: not effattn-opt %s -split-input-file -effattn-prepare-entry-points 2>&1 | FileCheck %s

// CHECK: dimensions.mlir:[[@LINE+3]]:8: error: 'tensor.dim' op expected a dimension from 0 to 1, but got 1024
func.func @f(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %far = arith.constant 1024 : index
  %T = tensor.dim %x, %far : tensor<?x32xf32>
  %empty = tensor.empty(%T) : tensor<?x32xf32>
  return %empty : tensor<?x32xf32>
}

// -----

// CHECK: dimensions.mlir:[[@LINE+3]]:8: error: 'tensor.dim' op expected a dimension from 0 to 1, but got -1
func.func @before(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %before = arith.constant -1 : index
  %T = tensor.dim %x, %before : tensor<?x32xf32>
  %empty = tensor.empty(%T) : tensor<?x32xf32>
  return %empty : tensor<?x32xf32>
}

// -----

// CHECK: dimensions.mlir:[[@LINE+2]]:8: error: 'linalg.matmul' op expected dimension 0 of operand 1 to be 16, as for the operands before it, but got 32
func.func @loops(%x: tensor<?x16xf32>, %w: tensor<32x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<?x16xf32>, tensor<32x8xf32>) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
