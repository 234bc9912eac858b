// RUN: effattn-opt %s -effattn-tile-contractions | FileCheck %s
// A product becomes products of tiles, those of the result in parallel.
func.func @product(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
// CHECK: scf.forall
// CHECK: linalg.generic
