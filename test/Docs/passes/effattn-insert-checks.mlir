// RUN: effattn-opt %s -effattn-insert-checks | FileCheck %s
// What the types leave open is stated: the two counts of tokens have to be equal.
func.func @mask(%p: tensor<2x?xf32>, %out: tensor<2x?xi1>) -> tensor<2x?xi1> {
  %mask = effattn.boundary_mask ins(%p : tensor<2x?xf32>) outs(%out : tensor<2x?xi1>)
  return %mask : tensor<2x?xi1>
}
// CHECK: effattn.check {{.*}}expected
// CHECK: effattn.boundary_mask
