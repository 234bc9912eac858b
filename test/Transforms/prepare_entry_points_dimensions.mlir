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
