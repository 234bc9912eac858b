// RUN: effattn-opt %s -effattn-lower-launches | FileCheck %s

module attributes {gpu.container_module} {
  // CHECK-DAG: func.func private @effattn_device_launch(!llvm.ptr, i64, i64, i64, i64, i64, i64, i64, !llvm.ptr) -> i32
  // CHECK-DAG: func.func private @effattn_device_read(!llvm.ptr, !llvm.ptr, i64) -> i32
  // CHECK-DAG: llvm.mlir.global external constant @effattn_kernel_fill() {{.*}} : !llvm.array<3 x ptr>

  // CHECK-LABEL: func.func @call
  // CHECK-SAME:    (%[[BUFFER:.*]]: memref<?xf32>, %[[FLAG:.*]]: i1)
  // CHECK:         %[[POINTERS:.*]] = llvm.alloca %{{.*}} x !llvm.ptr
  // CHECK:         memref.extract_aligned_pointer_as_index %[[BUFFER]]
  // CHECK:         %[[BYTE:.*]] = arith.extui %[[FLAG]] : i1 to i8
  // CHECK:         llvm.store %[[BYTE]]
  // CHECK:         call @effattn_device_launch({{.*}}, %[[POINTERS]])
  // CHECK:         %[[BYTES:.*]] = arith.constant 4 : i64
  // CHECK:         call @effattn_device_read({{.*}}, %[[BYTES]])
  // CHECK-NOT:     gpu.memcpy
  func.func @call(%buffer: memref<?xf32>, %flag: i1) -> f32 {
    %one = arith.constant 1 : index
    %copy = memref.alloca() : memref<f32>
    %element = memref.subview %buffer[%one] [1] [1] : memref<?xf32> to memref<f32, strided<[], offset: ?>>
    gpu.launch_func @kernels::@fill blocks in (%one, %one, %one) threads in (%one, %one, %one)
        args(%buffer : memref<?xf32>, %flag : i1)
    gpu.memcpy %copy, %element : memref<f32>, memref<f32, strided<[], offset: ?>>
    %value = memref.load %copy[] : memref<f32>
    return %value : f32
  }

  gpu.module @kernels {
    gpu.func @fill(%buffer: memref<?xf32>, %flag: i1) kernel {
      gpu.return
    }
  }
}
