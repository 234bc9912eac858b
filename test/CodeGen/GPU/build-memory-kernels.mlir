// RUN: effattn-opt %s -effattn-build-memory-kernels -canonicalize -cse | FileCheck %s

// A block a row. Every warp votes which of 32 writes and reads are its own, and
// applies them one after the other.
// CHECK-LABEL: @remember
// CHECK-SAME: %[[WI:[a-z0-9]*]]: memref<?x?x8xi32>, {{.*}} %[[MEMORY:[a-z0-9]*]]: memref<?x?x64xf32>, %[[MASS:[a-z0-9]*]]: memref<?x?xf32>
// CHECK: %[[TERMS:.*]] = memref.alloc({{.*}}) : memref<?x32x8x64xf32>
// CHECK: gpu.launch blocks({{.*}}) in ({{.*}} = %{{dim.*}}, {{.*}} = %c1, {{.*}} = %c1) threads({{.*}}) in ({{.*}} = %c512,
// CHECK: %[[OWNER:.*]] = arith.andi %{{.*}}, %c15_i32
// CHECK: arith.cmpi eq, %[[OWNER]]
// CHECK: nvvm.vote.sync ballot
// CHECK: scf.while
// CHECK: math.cttz
// Two loads of a lane are under way before it stores.
// CHECK: memref.load %[[MEMORY]]
// CHECK: memref.load %[[MEMORY]]
// CHECK: memref.store {{.*}}, %[[MEMORY]]
// CHECK: memref.store {{.*}}, %[[MEMORY]]
// CHECK: gpu.barrier
// CHECK: memref.load %[[TERMS]]
// CHECK: gpu.barrier
// CHECK: memref.dealloc %[[TERMS]]
func.func @remember(%w: memref<?x?x8xf32>, %wi: memref<?x?x8xi32>, %v: memref<?x?x64xbf16>,
    %out: memref<?x?x64xbf16>, %memory: memref<?x?x64xf32>, %mass: memref<?x?xf32>) {
  effattn.address_memory
    ins(%w, %wi, %v, %w, %wi : memref<?x?x8xf32>, memref<?x?x8xi32>, memref<?x?x64xbf16>,
      memref<?x?x8xf32>, memref<?x?x8xi32>)
    outs(%out, %memory, %mass : memref<?x?x64xbf16>, memref<?x?x64xf32>, memref<?x?xf32>)
  return
}

// No lane touches a column that is not its own, nor one that is not there.
// CHECK-LABEL: @narrow
// CHECK-SAME: %[[MEMORY:[a-z0-9]*]]: memref<?x?x5xf32>
// CHECK: nvvm.vote.sync ballot
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %c5
// CHECK: scf.if %[[INSIDE]] -> (f32)
// CHECK: memref.load %[[MEMORY]]
func.func @narrow(%w: memref<?x?x8xf32>, %wi: memref<?x?x8xi32>, %v: memref<?x?x5xf32>,
    %out: memref<?x?x5xf32>, %memory: memref<?x?x5xf32>, %mass: memref<?x?xf32>) {
  effattn.address_memory
    ins(%w, %wi, %v, %w, %wi : memref<?x?x8xf32>, memref<?x?x8xi32>, memref<?x?x5xf32>,
      memref<?x?x8xf32>, memref<?x?x8xi32>)
    outs(%out, %memory, %mass : memref<?x?x5xf32>, memref<?x?x5xf32>, memref<?x?xf32>)
  return
}
