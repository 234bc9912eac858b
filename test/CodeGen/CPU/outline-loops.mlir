// RUN: effattn-opt %s -effattn-outline-loops=least-ops=5 -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-outline-loops -split-input-file | FileCheck %s --check-prefix=DEFAULT

// What a loop uses is given to its function, each once; constants are copied,
// vectors, too.
// CHECK-LABEL: func @rows(
// CHECK-SAME:    %[[M:.*]]: memref<?x16xf32>, %[[N:.*]]: index
// CHECK-NOT:     scf.parallel
// CHECK:         call @effattn.rows.loop(%[[N]], %[[M]]) : (index, memref<?x16xf32>) -> i32
// CHECK:         return
// CHECK:       func private @effattn.rows.loop(%[[COUNT:.*]]: index, %[[ROWS:.*]]: memref<?x16xf32>) -> i32
// CHECK-SAME:    llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]
// CHECK:         %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK:         scf.parallel (%[[I:.*]]) = (%{{.*}}) to (%[[COUNT]])
// CHECK:           vector.store %[[ZEROS]], %[[ROWS]][%[[I]],
// CHECK:         %[[STATUS:.*]] = arith.constant 0 : i32
// CHECK:         return %[[STATUS]]
// DEFAULT-LABEL: func @rows(
// DEFAULT-NOT:     call
// DEFAULT:         scf.parallel
func.func @rows(%m: memref<?x16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %j = arith.addi %i, %n : index
    %k = arith.subi %j, %n : index
    vector.store %zeros, %m[%i, %c0] : memref<?x16xf32>, vector<16xf32>
    vector.store %zeros, %m[%k, %c0] : memref<?x16xf32>, vector<16xf32>
  }
  return
}

// -----

// The outermost loop is one function; smaller loops stay, and functions get
// names of their own.
// CHECK-LABEL: func @nested(
// CHECK:         call @effattn.nested.loop(
// CHECK:         scf.for
// CHECK:           call @effattn.nested.loop_0(
// CHECK:         scf.parallel
// CHECK:         return
// CHECK:       func private @effattn.nested.loop(
// CHECK:         scf.parallel
// CHECK:           scf.parallel
// CHECK:       func private @effattn.nested.loop_0(
func.func @nested(%m: memref<?x?xf32>, %n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      %a = memref.load %m[%i, %j] : memref<?x?xf32>
      %b = arith.addf %a, %x : f32
      memref.store %b, %m[%i, %j] : memref<?x?xf32>
    }
  }
  scf.for %k = %c0 to %n step %c1 {
    scf.parallel (%i) = (%c0) to (%k) step (%c1) {
      %a = memref.load %m[%i, %k] : memref<?x?xf32>
      %b = arith.addf %a, %x : f32
      %c = arith.mulf %b, %x : f32
      memref.store %c, %m[%i, %k] : memref<?x?xf32>
    }
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %x, %m[%i, %i] : memref<?x?xf32>
  }
  return
}
