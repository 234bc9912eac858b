// RUN: effattn-opt %s -effattn-build-product-kernels -canonicalize -cse | FileCheck %s

// Sizes are known: a launch, and no others to choose from. 128 x 256 are tiles
// of 64 x 64, and 8 depths of both sides are copied at a time to a ring of 4.
// CHECK-LABEL: @in_f32
// CHECK-NOT: scf.if
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c8{{[_0-9]*}},
// CHECK-SAME: threads({{.*}}) in (%{{.*}} = %c64{{[_0-9]*}},
// CHECK-SAME: dynamic_shared_memory_size
// CHECK-SAME: function(@matmul)
// CHECK: memref.view {{.*}} to memref<4x8x68xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-16: nvgpu.device_async_copy
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 2
// CHECK-NEXT: gpu.barrier
// CHECK: vector.load {{.*}} vector<4xf32>
// CHECK: arith.mulf {{.*}} fastmath<contract> : vector<4xf32>
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: gpu.barrier
// CHECK: vector.store
// CHECK: gpu.barrier
// CHECK: memref.store
func.func @in_f32(%a: memref<128x32xf32>, %b: memref<32x256xf32>, %c: memref<128x256xf32>) {
  linalg.matmul ins(%a, %b : memref<128x32xf32>, memref<32x256xf32>) outs(%c : memref<128x256xf32>)
  return
}

// Zeros that only the product sees are not written.
// CHECK-LABEL: @from_zeros
// CHECK-NOT: linalg
// CHECK: gpu.launch
// CHECK-NOT: arith.addf {{.*}} : f32
// CHECK: return
func.func @from_zeros(%a: memref<128x32xf32>, %b: memref<32x256xf32>, %c: memref<128x256xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<128x256xf32>)
  linalg.matmul ins(%a, %b : memref<128x32xf32>, memref<32x256xf32>) outs(%c : memref<128x256xf32>)
  return
}

// Alignment is known at run time only. Aligned rows are copied 16 bytes at a
// time; the others by elements, to the same places.
// CHECK-LABEL: @in_bf16
// CHECK: memref.extract_aligned_pointer_as_index
// CHECK: scf.if
// CHECK: gpu.launch
// CHECK: nvgpu.device_async_copy {{.*}}, 8, {{.*}} {bypassL1}
// CHECK-COUNT-4: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>
// CHECK: nvvm.mma.sync {{.*}}mma_type<bf16>
// CHECK: else
// CHECK: gpu.launch
// CHECK-NOT: nvgpu.device_async_copy
// CHECK: nvvm.mma.sync {{.*}}mma_type<bf16>
// CHECK: return
func.func @in_bf16(%a: memref<128x32xbf16>, %b: memref<32x256xbf16>, %c: memref<128x256xbf16>) {
  linalg.matmul ins(%a, %b : memref<128x32xbf16>, memref<32x256xbf16>) outs(%c : memref<128x256xbf16>)
  return
}

// f32 beside bf16: three parts of bf16 for each number, 2 x 4 products of 16 x
// 8 numbers in two steps of depth.
// CHECK-LABEL: @in_parts
// CHECK: gpu.launch
// CHECK: scf.for
// CHECK-COUNT-48: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: else
func.func @in_parts(%a: memref<128x64xf32>, %b: memref<64x256xbf16>, %c: memref<128x256xf32>) {
  linalg.matmul ins(%a, %b : memref<128x64xf32>, memref<64x256xbf16>) outs(%c : memref<128x256xf32>)
  return
}

// A row is multiplied by a thread for each column and 16th of the depths, or,
// where the columns of the right factor are rows of memory, by a warp each.
// CHECK-LABEL: @one_row
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c8{{[_0-9]*}},
// CHECK-SAME: threads({{.*}}) in (%{{.*}} = %c512{{[_0-9]*}},
// CHECK-SAME: function(@matmul_few)
// CHECK-NOT: gpu.shuffle
// CHECK: gpu.barrier
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c64{{[_0-9]*}},
// CHECK-SAME: threads({{.*}}) in (%{{.*}} = %c128{{[_0-9]*}},
// CHECK-COUNT-5: gpu.shuffle
// CHECK-NOT: gpu.launch
// CHECK: return
func.func @one_row(%a: memref<1x32xbf16>, %b: memref<32x256xbf16>, %t: memref<256x32xbf16>, %c: memref<1x256xbf16>) {
  linalg.matmul ins(%a, %b : memref<1x32xbf16>, memref<32x256xbf16>) outs(%c : memref<1x256xbf16>)
  linalg.matmul indexing_maps = [
    affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
    ins(%a, %t : memref<1x32xbf16>, memref<256x32xbf16>) outs(%c : memref<1x256xbf16>)
  return
}

// Few rows, several, many tiles; and few tiles, whose depth is divided if that
// is worth it.
// CHECK-LABEL: @any_size
// CHECK-COUNT-3: gpu.launch
// CHECK: arith.divui %c264
// CHECK: %[[COUNT:.*]] = arith.maxsi
// CHECK-NEXT: %[[IS_DIVIDED:.*]] = arith.cmpi sgt, %[[COUNT]], %c1
// CHECK-NEXT: %[[ROOM:.*]] = arith.select %[[IS_DIVIDED]], %[[COUNT]], %c0
// CHECK: memref.alloc(%[[ROOM]],
// CHECK: function(@matmul)
// CHECK: scf.if %[[IS_DIVIDED]] {
// CHECK: function(@matmul_sum)
// CHECK-NOT: gpu.launch
// CHECK: return
func.func @any_size(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// CHECK-LABEL: @in_a_parallel_loop
// CHECK-NOT: gpu.launch
// CHECK: linalg.matmul
func.func @in_a_parallel_loop(%a: memref<8x4x4xf32>, %c: memref<4x4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %m = memref.subview %a[%i, 0, 0] [1, 4, 4] [1, 1, 1] : memref<8x4x4xf32> to memref<4x4xf32, strided<[4, 1], offset: ?>>
    linalg.matmul ins(%m, %m : memref<4x4xf32, strided<[4, 1], offset: ?>>, memref<4x4xf32, strided<[4, 1], offset: ?>>) outs(%m : memref<4x4xf32, strided<[4, 1], offset: ?>>)
  }
  return
}

// One tile and a large depth: 64 blocks take 256 depths each, and a warp adds
// up what they leave for 32 columns of a row.
// CHECK-LABEL: @of_one_tile
// CHECK: %[[PARTS:.*]] = memref.alloc(){{.*}} : memref<64x1x64x64xf32>
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %c64{{[_0-9]*}},
// CHECK-SAME: function(@matmul)
// CHECK: memref.store {{.*}}, %[[PARTS]]
// CHECK: function(@matmul_sum)
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1
// CHECK: memref.load %[[PARTS]]
// CHECK: memref.dealloc %[[PARTS]]
func.func @of_one_tile(%a: memref<64x16384xf32>, %b: memref<16384x64xf32>, %c: memref<64x64xf32>) {
  linalg.matmul ins(%a, %b : memref<64x16384xf32>, memref<16384x64xf32>) outs(%c : memref<64x64xf32>)
  return
}
