// RUN: effattn-opt %s -effattn-build-concept-kernels -canonicalize -cse | FileCheck %s
// RUN: effattn-opt %s -effattn-build-concept-kernels -effattn-launch-kernels | FileCheck %s --check-prefix=KERNEL

// Counts of 128 tokens, their running sums, a check of every row, the tokens of
// the boundaries, and rows of 16 bytes a lane.
// CHECK-LABEL: @keep
// CHECK: gpu.launch {{.*}} function(@count_boundaries)
// CHECK: gpu.shuffle idx
// CHECK: gpu.barrier
// CHECK: gpu.launch {{.*}} function(@add_boundaries)
// CHECK: effattn.check {{.*}} "'effattn.chunk' op expected at most {0} boundaries
// CHECK: gpu.launch {{.*}} function(@chunk_places)
// CHECK: gpu.launch {{.*}} function(@chunk)
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x?x64xbf16>, vector<8xbf16>
// CHECK: vector.store {{.*}} {alignment = 16 : i64} : memref<?x?x64xbf16>, vector<8xbf16>
// KERNEL: gpu.func @keep_count_boundaries_1
// KERNEL-SAME: known_block_size = array<i32: 128, 1, 1>
func.func @keep(%h: memref<?x?x64xbf16>, %mask: memref<?x?xi1>, %concepts: memref<?x?x64xbf16>, %counts: memref<?xi32>) {
  effattn.chunk ins(%h, %mask : memref<?x?x64xbf16>, memref<?x?xi1>)
    outs(%concepts, %counts : memref<?x?x64xbf16>, memref<?xi32>)
  return
}

// The maps of segments, the averages in front of them, and the tokens again.
// CHECK-LABEL: @expand
// CHECK: function(@count_boundaries)
// CHECK: function(@add_boundaries)
// CHECK: function(@dechunk_maps)
// CHECK: scf.parallel
// CHECK: function(@dechunk)
func.func @expand(%y: memref<?x?x?xf32>, %p: memref<?x?xf32>, %mask: memref<?x?xi1>, %ids: memref<?x?xi32>,
    %out: memref<?x?x?xf32>, %state: memref<?x?xf32>) {
  effattn.dechunk resume ins(%y, %p, %mask : memref<?x?x?xf32>, memref<?x?xf32>, memref<?x?xi1>)
    sequence_ids(%ids : memref<?x?xi32>) outs(%out, %state : memref<?x?x?xf32>, memref<?x?xf32>)
  return
}

// A warp a token, sums in f64.
// CHECK-LABEL: @score
// CHECK: function(@boundary_probability)
// CHECK-COUNT-15: gpu.shuffle xor {{.*}} : f64
// CHECK-NOT: gpu.shuffle
// CHECK: function(@boundary_last)
func.func @score(%q: memref<?x?x?xbf16>, %k: memref<?x?x?xbf16>, %p: memref<?x?xf32>, %last: memref<?x?xbf16>) {
  effattn.boundary_probability ins(%q, %k : memref<?x?x?xbf16>, memref<?x?x?xbf16>)
    outs(%p, %last : memref<?x?xf32>, memref<?x?xbf16>)
  return
}

// CHECK-LABEL: @count_all
// CHECK: function(@count_boundaries)
// CHECK: function(@boundary_count)
// CHECK: gpu.shuffle xor {{.*}} : i32
func.func @count_all(%mask: memref<?x?xi1>, %counts: memref<?xi32>, %largest: memref<i32>) {
  effattn.boundary_count ins(%mask : memref<?x?xi1>) outs(%counts, %largest : memref<?xi32>, memref<i32>)
  return
}

// CHECK-LABEL: @lose
// CHECK: function(@ratio_loss_parts)
// CHECK: function(@ratio_loss)
func.func @lose(%p: memref<?x?xf32>, %mask: memref<?x?xi1>, %loss: memref<f32>) {
  effattn.ratio_loss ins(%p, %mask : memref<?x?xf32>, memref<?x?xi1>) outs(%loss : memref<f32>) {ratio = 4.0}
  return
}
