// RUN: effattn-opt %s -effattn-build-product-softmax-kernels -canonicalize -cse | FileCheck %s

// The prefixes of every warp, now and next, are in shared memory.
// CHECK-LABEL: @best_slots
// CHECK: gpu.launch
// CHECK-SAME: function(@product_softmax_top_k)
// CHECK-SAME: workgroup(%{{.*}} : memref<4x2x16xi64, #gpu.address_space<workgroup>>)
// CHECK: nvvm.bar.warp.sync
// CHECK: math.exp
// CHECK: nvvm.vote.sync any
func.func @best_slots(%x: memref<?x3x64xf32>, %v: memref<?x16xf32>, %i: memref<?x16xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x3x64xf32>)
    outs(%v, %i : memref<?x16xf32>, memref<?x16xi32>) {k = 16}
  return
}

// Many are in a buffer.
// CHECK-LABEL: @many_slots
// CHECK: memref.alloc({{.*}}) : memref<?x2x600xi64>
// CHECK: gpu.launch
// CHECK-NOT: workgroup
// CHECK: memref.dealloc
func.func @many_slots(%x: memref<?x3x64xf32>, %v: memref<?x600xf32>, %i: memref<?x600xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x3x64xf32>)
    outs(%v, %i : memref<?x600xf32>, memref<?x600xi32>) {k = 600}
  return
}

// A warp a digit, then a thread a slot.
// CHECK-LABEL: @all_slots
// CHECK: function(@product_softmax)
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK: memref.dealloc
func.func @all_slots(%x: memref<?x3x16xf32>, %out: memref<?x4096xf32>) {
  effattn.product_softmax ins(%x : memref<?x3x16xf32>) outs(%out : memref<?x4096xf32>)
  return
}
