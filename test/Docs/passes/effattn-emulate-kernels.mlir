// RUN: effattn-opt %s -effattn-emulate-kernels | FileCheck %s
// The kernel becomes a function of the host, whose special registers and accesses to
// memory are calls of the emulator.
module attributes {gpu.container_module} {
  llvm.mlir.global external constant @effattn_kernel_add() : !llvm.array<3 x ptr>
  gpu.module @kernels {
    llvm.func @add(%buffer: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      %thread = nvvm.read.ptx.sreg.tid.x : i32
      %element = llvm.getelementptr %buffer[%thread] : (!llvm.ptr, i32) -> !llvm.ptr, f32
      %value = llvm.load %element : !llvm.ptr -> f32
      %sum = llvm.fadd %value, %value : f32
      llvm.store %sum, %element : f32, !llvm.ptr
      llvm.return
    }
  }
}
// CHECK-NOT: nvvm.read.ptx
// CHECK: llvm.call @effattn_emulated_access
// CHECK-NOT: nvvm.read.ptx
