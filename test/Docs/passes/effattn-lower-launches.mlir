// RUN: effattn-opt %s -effattn-lower-launches | FileCheck %s
// A launch becomes a call of the support code, with pointers to its arguments.
module attributes {gpu.container_module} {
  func.func @call(%buffer: memref<?xf32>) {
    %one = arith.constant 1 : index
    gpu.launch_func @kernels::@fill blocks in (%one, %one, %one) threads in (%one, %one, %one)
      args(%buffer : memref<?xf32>)
    return
  }
  gpu.module @kernels {
    gpu.func @fill(%buffer: memref<?xf32>) kernel {
      gpu.return
    }
  }
}
// CHECK-NOT: gpu.launch_func
// CHECK: call @effattn_device_launch
