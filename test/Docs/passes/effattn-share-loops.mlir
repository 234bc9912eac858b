// RUN: effattn-opt %s -effattn-share-loops | FileCheck %s
// With OpenMP, each thread runs its share of a parallel loop.
func.func @fill(%m: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %m, %c0 : memref<?xf32>
  %one = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %one, %m[%i] : memref<?xf32>
  }
  return
}
// CHECK: omp.parallel if(
// CHECK: llvm.call @omp_get_num_threads()
// CHECK: scf.for
// CHECK: memref.store
