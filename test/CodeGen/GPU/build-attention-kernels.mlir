// RUN: effattn-opt %s -split-input-file -effattn-build-attention-kernels -canonicalize -cse | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-build-attention-kernels -effattn-launch-kernels | FileCheck %s --check-prefix=KERNEL

// Tensor cores: a warp a row of 16 queries, or four warps that share the keys
// of few queries. The next tile is on its way while one is multiplied.
// CHECK-LABEL: @causal_half
// CHECK: scf.if
// CHECK: gpu.launch
// CHECK-SAME: dynamic_shared_memory_size
// CHECK-SAME: function(@attention)
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: gpu.barrier
// CHECK-COUNT-4: nvvm.ldmatrix
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: gpu.barrier
// CHECK: scf.if
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// A quarter of 64 keys, 64 columns: 8 products for scores and 8 for sums.
// CHECK-COUNT-8: nvvm.mma.sync
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f32"
// CHECK-COUNT-8: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: nvvm.barrier #nvvm.reduction<or>
// CHECK: function(@attention_merge)
// CHECK: } else {
// CHECK: function(@attention)
// CHECK-COUNT-64: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: function(@attention_merge)
// KERNEL: gpu.func @causal_half_attention_0{{.*}}known_block_size = array<i32: 128, 1, 1>, nvvm.maxnreg = 128
// KERNEL: gpu.func @causal_half_attention_2{{.*}}known_block_size = array<i32: 256, 1, 1>, nvvm.maxnreg = 128
func.func @causal_half(%q: memref<2x4x?x64xf16>, %k: memref<2x4x?x64xf16>, %v: memref<2x4x?x64xf16>,
    %out: memref<2x4x?x64xf16>) {
  effattn.attention ins(%q, %k, %v : memref<2x4x?x64xf16>, memref<2x4x?x64xf16>, memref<2x4x?x64xf16>)
    outs(%out : memref<2x4x?x64xf16>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

// Rows that may begin anywhere are copied where they do not begin at multiples
// of 16 bytes; without a mask no key is kept by some queries only.
// CHECK-LABEL: @strided
// CHECK: function(@pack_rows)
// CHECK: function(@pack_rows)
// CHECK: function(@pack_rows)
// CHECK: arith.select {{.*}} : memref<?x?x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>
// CHECK: function(@attention)
// CHECK-NOT: #nvvm.reduction<or>
// CHECK: return
#any = strided<[?, ?, ?, 1], offset: ?>
func.func @strided(%q: memref<?x?x?x128xbf16, #any>, %k: memref<?x?x?x128xbf16, #any>,
    %v: memref<?x?x?x128xbf16, #any>, %out: memref<?x?x?x128xbf16, #any>) {
  effattn.attention ins(%q, %k, %v : memref<?x?x?x128xbf16, #any>, memref<?x?x?x128xbf16, #any>,
    memref<?x?x?x128xbf16, #any>) outs(%out : memref<?x?x?x128xbf16, #any>)
  return
}

// -----

// Other heads are multiplied in f32. Columns of a mask are found first.
// CHECK-LABEL: @any_head
// CHECK-NOT: function(@pack_rows)
// CHECK: function(@mask_columns)
// CHECK: function(@attention)
// CHECK-NOT: nvvm.mma.sync
// CHECK: function(@attention_merge)
// CHECK: memref.dealloc
func.func @any_head(%q: memref<?x?x?x?xf32>, %k: memref<?x?x?x?xf16>, %v: memref<?x?x?x?xbf16>,
    %flags: memref<?x?xi1>, %out: memref<?x?x?x?xf32>) {
  effattn.attention ins(%q, %k, %v : memref<?x?x?x?xf32>, memref<?x?x?x?xf16>, memref<?x?x?x?xbf16>)
    outs(%out : memref<?x?x?x?xf32>) mask {
    %mask = effattn.separator_mask %flags : memref<?x?xi1> {initial = 4, window = 64}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

// Two streams are joined. Products with the table of keys are made first, the
// weights of the table of values behind; scores of near keys are in memory in
// between.
// CHECK-LABEL: @streams_with_tables
// CHECK: scf.parallel
// CHECK: function(@relative_keys)
// CHECK: memref.alloc{{.*}} : memref<?x?x?x33xf32>
// CHECK: scf.parallel
// CHECK: memref.alloc{{.*}} : memref<?x?x?x130xf32>
// CHECK: function(@attention)
// CHECK: nvvm.mma.sync
// CHECK: function(@attention_merge)
// CHECK: function(@systematic_results)
// CHECK: memref.dealloc
func.func @streams_with_tables(%q: memref<?x?x?x32xf16>, %k: memref<?x?x?x32xf16>, %v: memref<?x?x?x64xf16>,
    %v2: memref<?x?x?x64xf16>, %a: memref<33x32xf16>, %b: memref<33x64xf16>, %out: memref<?x?x?x64xf16>,
    %out2: memref<?x?x?x64xf16>) {
  effattn.systematic_attention ins(%q, %k, %v, %v2 : memref<?x?x?x32xf16>, memref<?x?x?x32xf16>, memref<?x?x?x64xf16>,
    memref<?x?x?x64xf16>) relative_keys(%a : memref<33x32xf16>) relative_values(%b : memref<33x64xf16>)
    outs(%out, %out2 : memref<?x?x?x64xf16>, memref<?x?x?x64xf16>)
  return
}

// -----

// Streams of two types are f32 side by side.
// CHECK-LABEL: @streams_of_two_types
// CHECK: memref.alloc{{.*}} : memref<?x?x?x128xf32>
// CHECK-NOT: function(@relative_keys)
// CHECK: function(@attention)
// CHECK-NOT: nvvm.mma.sync
// CHECK-NOT: function(@systematic_results)
// CHECK: return
func.func @streams_of_two_types(%q: memref<?x?x?x32xf16>, %k: memref<?x?x?x32xf16>, %v: memref<?x?x?x64xf16>,
    %v2: memref<?x?x?x64xbf16>, %out: memref<?x?x?x64xf16>, %out2: memref<?x?x?x64xf16>) {
  effattn.systematic_attention ins(%q, %k, %v, %v2 : memref<?x?x?x32xf16>, memref<?x?x?x32xf16>, memref<?x?x?x64xf16>,
    memref<?x?x?x64xbf16>) outs(%out, %out2 : memref<?x?x?x64xf16>, memref<?x?x?x64xf16>)
  return
}
