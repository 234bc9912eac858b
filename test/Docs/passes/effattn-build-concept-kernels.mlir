// RUN: effattn-opt %s -effattn-build-concept-kernels -canonicalize -cse | FileCheck %s
// Blocks of threads count parts of a row, and two more kernels add the counts and find the largest.
func.func @count(%mask: memref<?x?xi1>, %counts: memref<?xi32>, %largest: memref<i32>) {
  effattn.boundary_count ins(%mask : memref<?x?xi1>) outs(%counts, %largest : memref<?xi32>, memref<i32>)
  return
}
// CHECK-NOT: effattn.boundary_count
// CHECK: gpu.launch
