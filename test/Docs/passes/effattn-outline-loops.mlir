// RUN: effattn-opt %s -effattn-outline-loops=least-ops=1 | FileCheck %s
// Without threads, a parallel loop becomes a function; a large one does by default.
func.func @fill(%m: memref<?xf32>) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %m, %c0 : memref<?xf32>
  %one = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %one, %m[%i] : memref<?xf32>
  }
  %status = arith.constant 0 : i32
  return %status : i32
}
// CHECK: call @effattn.fill.loop(
// CHECK: func.func private @effattn.fill.loop
// CHECK: scf.parallel
