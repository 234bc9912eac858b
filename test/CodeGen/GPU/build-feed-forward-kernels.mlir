// RUN: effattn-opt %s -effattn-build-feed-forward-kernels -canonicalize -cse | FileCheck %s

// One product by gate and up, whose sums are activated and multiplied in
// registers; the hidden layer is f32, which the second product splits in two.
// CHECK-LABEL: @gated
// CHECK: %[[HIDDEN:.*]] = memref.alloc() : memref<128x256xf32>
// CHECK: gpu.launch
// CHECK-SAME: function(@gated_ffn_up)
// CHECK-COUNT-16: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: math.exp
// CHECK: memref.store %{{.*}}, %[[HIDDEN]]
// CHECK: gpu.launch
// CHECK-SAME: function(@gated_ffn_up)
// CHECK: gpu.launch
// CHECK-SAME: function(@gated_ffn_down)
// CHECK-COUNT-32: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: gpu.launch
// CHECK: memref.dealloc %[[HIDDEN]]
func.func @gated(%x: memref<128x64xbf16>, %gate: memref<64x256xbf16>, %up: memref<64x256xbf16>,
                 %down: memref<256x64xbf16>, %out: memref<128x64xbf16>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down
    : memref<128x64xbf16>, memref<64x256xbf16>, memref<64x256xbf16>, memref<256x64xbf16>)
    outs(%out : memref<128x64xbf16>)
  return
}

// Rows are carried in f32, to which the second product adds.
// CHECK-LABEL: @hourglass
// CHECK: %[[CARRIED:.*]] = memref.alloc() : memref<128x64xf32>
// CHECK: %[[ROWS:.*]] = memref.cast %[[CARRIED]]
// CHECK: function(@hourglass_ffn_copy)
// CHECK: scf.for
// CHECK: effattn.rms_norm ins(%[[ROWS]],
// CHECK: function(@hourglass_ffn_up)
// CHECK: function(@hourglass_ffn_down)
// CHECK: memref.load %[[CARRIED]]
// CHECK: memref.store %{{.*}}, %[[CARRIED]]
// CHECK: function(@hourglass_ffn_copy)
// CHECK: memref.dealloc %[[CARRIED]]
func.func @hourglass(%x: memref<4x32x64xf32>, %norm: memref<3x64xf32>, %gate: memref<3x64x32xf32>,
                     %up: memref<3x64x32xf32>, %down: memref<3x32x64xf32>, %out: memref<4x32x64xf32>) {
  effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
    : memref<4x32x64xf32>, memref<3x64xf32>, memref<3x64x32xf32>, memref<3x64x32xf32>, memref<3x32x64xf32>)
    outs(%out : memref<4x32x64xf32>)
  return
}

// Choices are counted, cut into tiles of an expert and put in order, then
// multiplied and added up. A block whose tile has no rows does nothing. A few
// choices are tiles of their own.
// CHECK-LABEL: @experts
// CHECK: scf.if
// CHECK: memref.atomic_rmw addi
// CHECK: function(@moe_ffn_up_few)
// CHECK: function(@moe_ffn_down_few)
// CHECK: else
// CHECK: memref.atomic_rmw addi
// CHECK: function(@moe_ffn_up)
// CHECK: scf.if
// CHECK: nvvm.mma.sync
// CHECK: function(@moe_ffn_down)
// CHECK: nvvm.mma.sync
// CHECK: function(@moe_ffn_sum)
func.func @experts(%x: memref<?x64xbf16>, %gates: memref<?x2xf32>, %chosen: memref<?x2xi32>,
                   %gate: memref<4x64x128xbf16>, %up: memref<4x64x128xbf16>, %down: memref<4x128x64xbf16>,
                   %out: memref<?x64xbf16>) {
  effattn.moe_ffn ins(%x, %gates, %chosen, %gate, %up, %down
    : memref<?x64xbf16>, memref<?x2xf32>, memref<?x2xi32>, memref<4x64x128xbf16>, memref<4x64x128xbf16>,
      memref<4x128x64xbf16>) outs(%out : memref<?x64xbf16>)
  return
}
