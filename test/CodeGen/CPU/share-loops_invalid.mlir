// RUN: effattn-opt %s -effattn-share-loops -split-input-file -verify-diagnostics

// expected-error @+1 {{has the name @omp_get_thread_num of a function of the OpenMP runtime, which parallel loops call; use another name}}
func.func @omp_get_thread_num(%m: memref<?xindex>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %i, %m[%i] : memref<?xindex>
  }
  return
}

// -----

// Without loops, the name is as good as any.
func.func @omp_get_num_threads(%m: memref<?xindex>) {
  return
}
