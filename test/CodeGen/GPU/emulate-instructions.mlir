// RUN: effattn-opt %s -effattn-emulate-kernels | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @kernels {
    // CHECK-NOT: addr_space = 3
    llvm.mlir.global internal @static() {addr_space = 3 : i32} : !llvm.array<64 x f32>
    llvm.mlir.global internal @__dynamic_shmem__0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i8>

    // CHECK-LABEL: llvm.func internal @instructions.emulated
    // CHECK-SAME:    (%[[MASK:.*]]: i32, %[[VALUE:.*]]: f32, %[[BY:.*]]: i32, %[[CLAMP:.*]]: i32)
    // CHECK:         %[[WORDS:.*]] = llvm.alloca %{{.*}} x i64
    llvm.func @instructions(%mask: i32, %value: f32, %by: i32, %clamp: i32) attributes {gpu.kernel, nvvm.kernel} {
      // CHECK:         %[[SIZE:.*]] = llvm.mlir.constant(256 : i64)
      // CHECK:         %[[STATIC:.*]] = llvm.call @effattn_emulated_shared(%{{.*}}, %[[SIZE]])
      // CHECK:         llvm.addrspacecast %[[STATIC]] : !llvm.ptr to !llvm.ptr<3>
      %static = llvm.mlir.addressof @static : !llvm.ptr<3>
      // CHECK:         %[[NONE:.*]] = llvm.mlir.constant(0 : i64)
      // CHECK:         llvm.call @effattn_emulated_shared(%{{.*}}, %[[NONE]])
      %dynamic = llvm.mlir.addressof @__dynamic_shmem__0 : !llvm.ptr<3>
      // CHECK:         llvm.call @effattn_emulated_access
      // CHECK:         llvm.store %[[VALUE]], %{{.*}} : f32, !llvm.ptr<3>
      llvm.store %value, %dynamic : f32, !llvm.ptr<3>
      llvm.store %value, %static : f32, !llvm.ptr<3>

      // CHECK:         %[[MASKWORD:.*]] = llvm.zext %[[MASK]] : i32 to i64
      // CHECK:         llvm.store %[[MASKWORD]]
      // CHECK:         %[[BITS:.*]] = llvm.bitcast %[[VALUE]] : f32 to i32
      // CHECK:         llvm.zext %[[BITS]]
      // CHECK:         %[[UP:.*]] = llvm.mlir.constant(1 : i64)
      // CHECK:         llvm.call @effattn_emulated_shuffle(%[[WORDS]], %[[UP]]
      // CHECK:         %[[RESULT:.*]] = llvm.load
      // CHECK:         %[[LOW:.*]] = llvm.trunc %[[RESULT]] : i64 to i32
      // CHECK:         llvm.bitcast %[[LOW]] : i32 to f32
      // CHECK:         llvm.trunc %{{.*}} : i64 to i1
      %shuffled = nvvm.shfl.sync up %mask, %value, %by, %clamp {return_value_and_is_valid} : f32 -> !llvm.struct<(f32, i1)>
      // The number of the instruction is above its attributes.
      // CHECK:         %[[SECOND:.*]] = llvm.mlir.constant(4294967296 : i64)
      // CHECK:         llvm.call @effattn_emulated_barrier(%[[WORDS]], %[[SECOND]]
      nvvm.barrier0
      // CHECK:         %[[THIRD:.*]] = llvm.mlir.constant(8589934594 : i64)
      // CHECK:         llvm.call @effattn_emulated_barrier(%[[WORDS]], %[[THIRD]]
      %all = nvvm.barrier #nvvm.reduction<and> %by -> i32
      // CHECK:         llvm.call @effattn_emulated_sync_warp
      nvvm.bar.warp.sync %mask : i32
      llvm.return
    }
  }
}
