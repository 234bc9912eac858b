// RUN: effattn-opt %s -split-input-file -effattn-limit-parallelism -verify-diagnostics

func.func @tensors(%a: tensor<8xf16>) -> tensor<8xf16> {
  // expected-error @below {{'scf.forall' op expected no results, but got 1; bufferize before this pass}}
  %0 = scf.forall (%i) in (4) shared_outs(%out = %a) -> tensor<8xf16> {
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %a into %out[0] [8] [1] : tensor<8xf16> into tensor<8xf16>
    }
  }
  return %0 : tensor<8xf16>
}

// -----

func.func @reduction(%m: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.parallel (%j) = (%c0) to (%n) step (%c1) {
    // expected-error @below {{'scf.parallel' op runs in one thread here, for which it must not have reductions; use scf.for}}
    %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
      %x = memref.load %m[%i] : memref<?xf32>
      scf.reduce(%x : f32) {
      ^bb0(%a: f32, %b: f32):
        %c = arith.addf %a, %b : f32
        scf.reduce.return %c : f32
      }
    }
    memref.store %sum, %m[%j] : memref<?xf32>
  }
  return
}
