// RUN: effattn-opt %s -effattn-build-top-k-kernels -canonicalize -cse | FileCheck %s
// A warp takes a row and finds its two largest values by shuffles.
func.func @choose(%x: memref<?x64xf32>, %v: memref<?x2xf32>, %i: memref<?x2xi32>) {
  effattn.top_k ins(%x : memref<?x64xf32>) outs(%v, %i : memref<?x2xf32>, memref<?x2xi32>) {k = 2}
  return
}
// CHECK: gpu.launch
// CHECK: gpu.shuffle
// CHECK-NOT: effattn.top_k
