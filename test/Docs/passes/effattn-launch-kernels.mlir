// RUN: effattn-opt %s -effattn-launch-kernels -canonicalize -cse | FileCheck %s
// A parallel loop becomes a kernel with a thread for each of its iterations.
func.func @fill(%buffer: memref<?xf32>) -> i32 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %value = arith.constant 1.0 : f32
  %count = memref.dim %buffer, %zero : memref<?xf32>
  scf.parallel (%i) = (%zero) to (%count) step (%one) {
    memref.store %value, %buffer[%i] : memref<?xf32>
  }
  %done = arith.constant 0 : i32
  return %done : i32
}
// CHECK: gpu.launch_func
// CHECK: gpu.module
// CHECK: gpu.func
