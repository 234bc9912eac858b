// RUN: effattn-opt %s -effattn-convert-to-linalg | FileCheck %s
// Each op becomes what defines it: here a comparison of each probability.
func.func @starts(%p: tensor<2x8xf32>, %out: tensor<2x8xi1>) -> tensor<2x8xi1> {
  %mask = effattn.boundary_mask ins(%p : tensor<2x8xf32>) outs(%out : tensor<2x8xi1>)
  return %mask : tensor<2x8xi1>
}
// CHECK-NOT: effattn.
// CHECK: linalg.generic
// CHECK: arith.cmpf
// CHECK-NOT: effattn.
