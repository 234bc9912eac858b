// RUN: effattn-opt %s -effattn-build-product-softmax-kernels -canonicalize -cse | FileCheck %s
// A warp takes the softmax of a digit; a slot is then a product of one value of each digit.
func.func @slots(%x: memref<?x3x16xf32>, %out: memref<?x4096xf32>) {
  effattn.product_softmax ins(%x : memref<?x3x16xf32>) outs(%out : memref<?x4096xf32>)
  return
}
// CHECK: gpu.launch
// CHECK-NOT: effattn.product_softmax
