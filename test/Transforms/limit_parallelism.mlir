// RUN: effattn-opt %s -effattn-limit-parallelism=threads=false | FileCheck %s

// CHECK-LABEL: @nested
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK-NOT:       scf.parallel
func.func @nested(%m: memref<?x?xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.forall (%i) in (%n) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// A failed check returns, which a parallel loop cannot; the loop inside has
// none and stays parallel.
// CHECK-LABEL: @checked
// CHECK:         scf.for
// CHECK:           effattn.check
// CHECK:           scf.parallel
func.func @checked(%m: memref<?x?xf32>, %n: index, %x: f32, %ok: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    effattn.check %ok, "expected more"
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// Elements are visited by the innermost, sequential loop; products keep both
// dimensions, as they have loops inside.
// CHECK-LABEL: @elements
// CHECK:         scf.parallel (%[[I:.*]]) =
// CHECK:           scf.for %[[J:.*]] =
// CHECK:             memref.store %{{.*}}, %{{.*}}[%[[I]], %[[J]]]
// CHECK:         scf.parallel (%{{.*}}, %{{.*}}) =
func.func @elements(%m: memref<?x?xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<?x?xf32>
  }
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    scf.for %k = %c0 to %n step %c1 {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// Threads take as long to start as a few thousand elements take.
// CHECK-LABEL: @few_elements
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @few_elements(%m: memref<4x16xf32>, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c4, %c16) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<4x16xf32>
  }
  return
}

// CHECK-LABEL: @many_elements
// CHECK:         scf.parallel (%{{.*}}) = (%{{.*}}) to (%c64)
// CHECK-NEXT:      scf.for
// CHECK:         scf.for
// CHECK-NEXT:      scf.parallel (%{{.*}}) = (%{{.*}}) to (%c65536)
func.func @many_elements(%m: memref<64x65536xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c65536 = arith.constant 65536 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c64, %c65536) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<64x65536xf32>
  }
  scf.for %i = %c0 to %n step %c1 {
    scf.parallel (%j) = (%c0) to (%c65536) step (%c1) {
      memref.store %x, %m[%i, %j] : memref<64x65536xf32>
    }
  }
  return
}
