// RUN: effattn-opt %s -effattn-emulate-kernels | FileCheck %s
// RUN: effattn-opt %s -effattn-emulate-kernels=check-memory=false | FileCheck %s --check-prefix=UNCHECKED
// UNCHECKED-NOT: effattn_emulated_access

// CHECK-DAG: llvm.mlir.global private constant @effattn_place("emulate-kernels.mlir:32:16\00")
// CHECK-DAG: llvm.mlir.global internal constant @table.device
module attributes {gpu.container_module} {
  // CHECK:       llvm.mlir.global internal constant @effattn_kernel_add()
  // CHECK:         llvm.mlir.addressof @effattn_name
  // CHECK:         llvm.mlir.addressof @add.thread
  llvm.mlir.global external constant @effattn_kernel_add() : !llvm.array<3 x ptr>

  gpu.module @kernels {
    llvm.mlir.global internal constant @table(dense<1.0> : tensor<2xf32>) : !llvm.array<2 x f32>

    // CHECK-LABEL: llvm.func internal @add.emulated
    // CHECK-SAME:    (%[[BUFFER:.*]]: !llvm.ptr)
    // CHECK:         %[[REGISTER:.*]] = llvm.mlir.constant(0 : i32)
    // CHECK:         llvm.call @effattn_emulated_register(%[[REGISTER]])
    // CHECK:         %[[TABLE:.*]] = llvm.mlir.addressof @table.device
    // CHECK:         llvm.call @effattn_emulated_table(%[[TABLE]]
    // CHECK:         %[[FOUR:.*]] = llvm.mlir.constant(4 : i64)
    // CHECK:         %[[READ:.*]] = llvm.mlir.constant(1025 : i32)
    // CHECK:         llvm.call @effattn_emulated_access(%[[BUFFER]], %[[FOUR]], %[[READ]]
    // CHECK:         llvm.load %[[BUFFER]]
    // CHECK:         %[[WRITE:.*]] = llvm.mlir.constant(1026 : i32)
    // CHECK:         llvm.call @effattn_emulated_access(%[[BUFFER]], %{{.*}}, %[[WRITE]]
    // CHECK:         llvm.store %{{.*}}, %[[BUFFER]]
    llvm.func @add(%buffer: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      %thread = nvvm.read.ptx.sreg.tid.x : i32
      %table = llvm.mlir.addressof @table : !llvm.ptr
      %first = llvm.load %buffer : !llvm.ptr -> f32
      %sum = llvm.fadd %first, %first : f32
      llvm.store %sum, %buffer : f32, !llvm.ptr
      llvm.return
    }
  }
  // CHECK-LABEL: llvm.func internal @add.thread
  // CHECK:         llvm.call @add.emulated
  // CHECK-NOT:   gpu.module
}
