// RUN: effattn-opt %s -effattn-prepare-entry-points | FileCheck %s
// The function takes memory of its caller, writes its result there, and returns a
// status. What it looks like from C is kept in `effattn.signature`.
func.func @twice(%x: tensor<?xf32> {effattn.name = "x", effattn.shape = "n"}) -> (tensor<?xf32> {effattn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %0 = linalg.add ins(%x, %x : tensor<?xf32>, tensor<?xf32>) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
// CHECK: effattn.signature
// CHECK: return %{{.*}} : i32
