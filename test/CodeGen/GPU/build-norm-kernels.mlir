// RUN: effattn-opt %s -effattn-build-norm-kernels -canonicalize -cse | FileCheck %s
// RUN: effattn-opt %s -effattn-build-norm-kernels -effattn-launch-kernels | FileCheck %s --check-prefix=KERNEL

// A warp takes a row: four rows a block, whatever the shape in front of them.
// CHECK-LABEL: @scaled
// CHECK-SAME: %[[X:[a-z0-9]*]]: memref<?x?x?xbf16>, %[[W:[a-z0-9]*]]: memref<?xf32>, %[[OUT:[a-z0-9]*]]
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c4
// CHECK: gpu.launch blocks({{.*}}) in (%{{.*}} = %[[BLOCKS]],
// CHECK-SAME: threads(%[[THREAD:[a-z0-9]*]],
// CHECK-SAME: function(@rms_norm)
// CHECK: %[[LANE:.*]] = arith.remui %[[THREAD]], %c32
// CHECK: scf.for %{{.*}} = %[[LANE]] to %{{.*}} step %c32{{.*}} iter_args
// CHECK-COUNT-5: gpu.shuffle xor {{.*}} : f64
// CHECK: math.sqrt
// CHECK: memref.store {{.*}}, %[[OUT]]
// KERNEL: gpu.func @scaled_rms_norm_0
// KERNEL-SAME: known_block_size = array<i32: 128, 1, 1>
func.func @scaled(%x: memref<?x?x?xbf16>, %w: memref<?xf32>, %out: memref<?x?x?xbf16>) {
  effattn.rms_norm ins(%x, %w : memref<?x?x?xbf16>, memref<?xf32>) outs(%out : memref<?x?x?xbf16>)
  return
}

// CHECK-LABEL: @one_row
// CHECK: gpu.launch
// CHECK-COUNT-10: gpu.shuffle xor {{.*}} : f64
// CHECK-NOT: gpu.shuffle
// KERNEL: gpu.func @one_row_layer_norm_1
func.func @one_row(%x: memref<640xf32>, %w: memref<640xf32>, %out: memref<640xf32>) {
  effattn.layer_norm ins(%x, %w : memref<640xf32>, memref<640xf32>) outs(%out : memref<640xf32>)
  return
}
