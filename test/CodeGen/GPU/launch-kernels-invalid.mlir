// RUN: effattn-opt %s -effattn-launch-kernels -verify-diagnostics

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
