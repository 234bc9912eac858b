// RUN: effattn-opt %s -effattn-pack-constants='columns=4' | FileCheck %s
// The weight is a constant, so it is put in panels of four columns while compiling;
// the last panel is filled up with zeros.
func.func @project(%x: tensor<?x2xf32>, %out: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 8.0, 9.0]]> : tensor<2x5xf32>
  %zero = arith.constant 0.0 : f32
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x5xf32>) -> tensor<?x5xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x5xf32>) outs(%start : tensor<?x5xf32>) -> tensor<?x5xf32>
  return %0 : tensor<?x5xf32>
}
// CHECK: effattn.packed_matmul
