// RUN: not effattn-opt %s -effattn-prepare-entry-points 2>&1 | FileCheck %s

// CHECK: dimensions.mlir:[[@LINE+3]]:8: error: 'tensor.dim' op expected a dimension below 2, but got 1024
func.func @f(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %far = arith.constant 1024 : index
  %T = tensor.dim %x, %far : tensor<?x32xf32>
  %empty = tensor.empty(%T) : tensor<?x32xf32>
  return %empty : tensor<?x32xf32>
}
