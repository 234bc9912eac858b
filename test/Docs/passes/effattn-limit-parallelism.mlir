// RUN: effattn-opt %s -effattn-limit-parallelism | FileCheck %s
// A loop inside of a parallel loop becomes sequential: threads are started once.
func.func @fill(%m: memref<64x?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %one = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %one, %m[%i, %j] : memref<64x?xf32>
    }
  }
  return
}
// CHECK: scf.for
