// RUN: effattn-opt %s -effattn-share-loops -split-input-file | FileCheck %s

// Iterations are numbered, the last dimension's first; every thread has as many
// as any other, or one more.
// CHECK-DAG:   llvm.func @omp_get_num_threads() -> i32
// CHECK-DAG:   llvm.func @omp_get_thread_num() -> i32
// CHECK-LABEL: func @grid(
// CHECK-SAME:    %[[M:[a-z0-9]+]]: memref<?x?xindex>, %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index, %[[STEP:[a-z0-9]+]]: index
// CHECK-DAG:     %[[C1:.*]] = arith.constant 1 : index
// CHECK:         %[[ROWS:.*]] = arith.ceildivui %{{.*}}, %[[STEP]]
// CHECK:         %[[COUNT:.*]] = arith.muli %[[ROWS]], %[[COLUMNS:.*]] :
// CHECK:         %[[SHARED:.*]] = arith.cmpi {{.*}} %[[COUNT]]
// CHECK:         omp.parallel if(%[[SHARED]])
// CHECK:           %[[T:.*]] = llvm.call @omp_get_num_threads()
// CHECK:           %[[THREADS:.*]] = arith.index_cast %[[T]]
// CHECK:           %[[I:.*]] = llvm.call @omp_get_thread_num()
// CHECK:           %[[THREAD:.*]] = arith.index_cast %[[I]]
// CHECK:           %[[EACH:.*]] = arith.divui %[[COUNT]], %[[THREADS]]
// CHECK:           %[[REST:.*]] = arith.remui %[[COUNT]], %[[THREADS]]
// CHECK:           %[[BEFORE:.*]] = arith.muli %[[THREAD]], %[[EACH]]
// CHECK:           %[[MORE:.*]] = arith.minsi %[[THREAD]], %[[REST]]
// CHECK:           %[[FIRST:.*]] = arith.addi %[[BEFORE]], %[[MORE]]
// CHECK:           scf.for %[[NUMBER:.*]] = %[[FIRST]] to %{{.*}} step
// CHECK:             %[[J:.*]] = arith.remui %[[NUMBER]], %[[COLUMNS]]
// CHECK:             %[[ROW:.*]] = arith.divui %[[NUMBER]], %[[COLUMNS]]
// CHECK:             memref.alloca_scope
// CHECK:               memref.store
// CHECK:           omp.terminator
// CHECK-NOT:     scf.parallel
func.func @grid(%m: memref<?x?xindex>, %a: index, %b: index, %step: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i, %j) = (%c0, %c1) to (%a, %b) step (%step, %c1) {
    memref.store %j, %m[%i, %j] : memref<?x?xindex>
  }
  return
}

// -----

// Every thread has results of its own, which are joined: left to the conversion
// of MLIR.
// CHECK-LABEL: func @sum(
// CHECK-NOT:     omp.parallel
// CHECK:         scf.parallel
func.func @sum(%m: memref<?xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
    %x = memref.load %m[%i] : memref<?xf32>
    scf.reduce(%x : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  return %sum : f32
}
