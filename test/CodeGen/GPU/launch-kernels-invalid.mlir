// RUN: effattn-opt %s -split-input-file -effattn-launch-kernels -verify-diagnostics

func.func @size_from_data(%sizes: memref<?xindex>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %count = memref.dim %sizes, %zero : memref<?xindex>
  scf.parallel (%i) = (%zero) to (%count) step (%one) {
    %size = memref.load %sizes[%i] : memref<?xindex>
    // expected-error @below {{this allocation of a kernel has a size that the host cannot compute}}
    %own = memref.alloc(%size) : memref<?xf32>
    memref.dealloc %own : memref<?xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}

// -----

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

func.func private @dealloc_helper(memref<?xindex>)
func.func @call(%memory: memref<?xindex>, %n: index) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.parallel (%i) = (%zero) to (%n) step (%one) {
    // expected-error @below {{this loop of a kernel would allocate and free memory in each of its steps; give what it yields a destination}}
    func.call @dealloc_helper(%memory) : (memref<?xindex>) -> ()
  }
  %done = arith.constant 0 : i32
  return %done : i32
}
