// RUN: effattn-compile %s --from=mlir-loops --target=nvptx --emit=ptx | FileCheck %s
// RUN: not effattn-compile %s --from=mlir-loops --emit=mlir-fused 2>&1 | FileCheck %s --check-prefix=BEHIND
// RUN: not effattn-compile %s --from=mlir-loop 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// BEHIND: error: the input is behind the stage mlir-fused
// UNKNOWN: no stage of --target comes behind 'mlir-loop': --from expects the name of a stage before mlir-llvm

// How many bytes it has is decided by the launch.
// CHECK:     .extern .shared .align 16 .b8 __dynamic_shmem__0[];
// CHECK:     .entry turn_0(
// CHECK-NOT: .shared {{.*}} .b8 __dynamic_shmem__0[1]
func.func @turn(%out: memref<32xf32, strided<[1], offset: ?>>) -> i32 attributes {
    effattn.signature = {inputs = [], outputs = [{element = f32, name = "out", sizes = [32]}]},
    llvm.emit_c_interface} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : index
  %lanes = arith.constant 32 : index
  %bytes = arith.constant 128 : i32
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %one, %gy = %one, %gz = %one)
      threads(%t, %ty, %tz) in (%sx = %lanes, %sy = %one, %sz = %one)
      dynamic_shared_memory_size %bytes {
    %first = arith.constant 0 : index
    %last = arith.constant 31 : index
    %memory = gpu.dynamic_shared_memory : memref<?xi8, #gpu.address_space<workgroup>>
    %shared = memref.view %memory[%first][]
        : memref<?xi8, #gpu.address_space<workgroup>> to memref<32xf32, #gpu.address_space<workgroup>>
    %number = arith.index_cast %t : index to i32
    %value = arith.sitofp %number : i32 to f32
    memref.store %value, %shared[%t] : memref<32xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %other = arith.subi %last, %t : index
    %turned = memref.load %shared[%other] : memref<32xf32, #gpu.address_space<workgroup>>
    memref.store %turned, %out[%t] : memref<32xf32, strided<[1], offset: ?>>
    gpu.terminator
  }
  return %zero : i32
}
