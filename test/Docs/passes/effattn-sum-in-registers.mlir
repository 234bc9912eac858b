// RUN: effattn-opt %s -effattn-sum-in-registers | FileCheck %s
// The sum is read once before the loop and written once behind it.
func.func @sum(%x: memref<8xf32>, %total: memref<f32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %count = arith.constant 8 : index
  scf.for %i = %zero to %count step %one {
    %value = memref.load %x[%i] : memref<8xf32>
    %sum = memref.load %total[] : memref<f32>
    %next = arith.addf %sum, %value : f32
    memref.store %next, %total[] : memref<f32>
  }
  return
}
// CHECK: scf.for {{.*}} iter_args
// CHECK: memref.store
