// RUN: effattn-opt %s -split-input-file \
// RUN:   -pass-pipeline="builtin.module(effattn-build-attention-kernels{tf32=true},effattn-build-product-kernels{tf32=true},effattn-build-feed-forward-kernels{tf32=true},canonicalize,cse)" | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-build-attention-kernels -effattn-build-product-kernels -effattn-build-feed-forward-kernels | FileCheck %s --check-prefix=F32
// F32-NOT: nvvm.mma.sync
// F32-NOT: tf32

// Queries and keys come as matrices, values number by number.
// CHECK-LABEL: @attend
// CHECK: function(@attention)
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<row>
// CHECK: nvvm.convert.float.to.tf32 {{.*}} {rnd = #nvvm.fp_rnd_mode<rna>}
// CHECK: nvvm.mma.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<tf32>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 8>
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> f32
// CHECK: nvvm.convert.float.to.tf32
// CHECK: nvvm.mma.sync
// CHECK-NOT: layout = #nvvm.mma_layout<col>, num
func.func @attend(%q: memref<2x4x?x32xf32>, %k: memref<2x4x?x32xf32>, %v: memref<2x4x?x32xf32>, %out: memref<2x4x?x32xf32>) {
  effattn.attention ins(%q, %k, %v : memref<2x4x?x32xf32>, memref<2x4x?x32xf32>, memref<2x4x?x32xf32>)
    outs(%out : memref<2x4x?x32xf32>)
  return
}

// -----

// Heads wider than 128 are multiplied in f32, and so are operands of several
// types.
// CHECK-LABEL: @too_wide
// CHECK: function(@attention)
// CHECK-NOT: nvvm.mma.sync
// CHECK: return
func.func @too_wide(%q: memref<2x4x?x160xf32>, %k: memref<2x4x?x160xf32>, %v: memref<2x4x?x32xf32>, %out: memref<2x4x?x32xf32>) {
  effattn.attention ins(%q, %k, %v : memref<2x4x?x160xf32>, memref<2x4x?x160xf32>, memref<2x4x?x32xf32>)
    outs(%out : memref<2x4x?x32xf32>)
  return
}

// -----

// Rows of the left side are 16 numbers and 4 behind them, rows of the right
// side, whose columns lie side by side, 64 and 8.
// CHECK-LABEL: @multiply
// CHECK: function(@matmul)
// CHECK: memref.view {{.*}} to memref<3x64x20xf32, #gpu.address_space<workgroup>>
// CHECK: memref.view {{.*}} to memref<3x16x72xf32, #gpu.address_space<workgroup>>
// CHECK: nvgpu.device_async_copy {{.*}}, 4, {{.*}} {bypassL1}
// CHECK: nvvm.mma.sync {{.*}}#nvvm.mma_type<tf32>
func.func @multiply(%a: memref<128x32xf32>, %b: memref<32x256xf32>, %c: memref<128x256xf32>) {
  linalg.matmul ins(%a, %b : memref<128x32xf32>, memref<32x256xf32>) outs(%c : memref<128x256xf32>)
  return
}

// -----

// Blocks divide a large depth, and a second kernel adds up what they leave.
// CHECK-LABEL: @divide
// CHECK: function(@matmul)
// CHECK: nvvm.mma.sync {{.*}}#nvvm.mma_type<tf32>
// CHECK: function(@matmul_sum)
func.func @divide(%a: memref<64x1024xf32>, %b: memref<1024x64xf32>, %c: memref<64x64xf32>) {
  linalg.matmul ins(%a, %b : memref<64x1024xf32>, memref<1024x64xf32>) outs(%c : memref<64x64xf32>)
  return
}

// -----

// Both products of a layer are; the logits by which experts are chosen are not.
// CHECK-LABEL: @layer
// CHECK: function(@gated_ffn_up)
// CHECK: nvvm.mma.sync {{.*}}#nvvm.mma_type<tf32>
// CHECK: function(@gated_ffn_down)
// CHECK: nvvm.mma.sync {{.*}}#nvvm.mma_type<tf32>
func.func @layer(%x: memref<64x32xf32>, %gate: memref<32x48xf32>, %up: memref<32x48xf32>, %down: memref<48x32xf32>,
    %out: memref<64x32xf32>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<64x32xf32>, memref<32x48xf32>, memref<32x48xf32>, memref<48x32xf32>)
    outs(%out : memref<64x32xf32>)
  return
}

// -----

// CHECK-LABEL: @choose
// CHECK: function(@moe_route_logits)
// CHECK-NOT: nvvm.mma.sync
// CHECK: return
func.func @choose(%x: memref<64x32xf32>, %w: memref<32x8xf32>, %gates: memref<64x2xf32>, %experts: memref<64x2xi32>,
    %balance: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<64x32xf32>, memref<32x8xf32>)
    outs(%gates, %experts, %balance : memref<64x2xf32>, memref<64x2xi32>, memref<f32>) {k = 2 : i64}
  return
}
