// RUN: effattn-opt %s -effattn-expand-contractions='vector-bits=512 vector-registers=32 tiling=first-cache:49152,second-cache:2097152' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-contractions='vector-bits=256 tiling=slab-depth:384' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2
// RUN: effattn-opt %s -effattn-expand-contractions='vector-bits=512 vector-registers=32 pair-dots' -canonicalize -split-input-file | FileCheck %s --check-prefix=PAIRS

// Tiles of 8 rows by 3 vectors, and narrower ones behind the last whole one; of
// 6 by 2 where there are 16 registers. A task copies a row tile at a time.
// CHECK-LABEL: func @many_rows
// CHECK:         scf.parallel
// CHECK:         memref.alloc() {{.*}} : memref<8x528xf32>
// CHECK:         memref.alloc() {{.*}} : memref<3x512x48xf32>
// CHECK-NOT:     linalg
// CHECK-COUNT-24: arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK:         scf.if
// CHECK-COUNT-8: arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK:         scf.if
// CHECK-COUNT-16: arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK-NOT:     linalg
// CHECK:         return
// AVX2-LABEL:  func @many_rows
// AVX2:          memref.alloc() {{.*}} : memref<6x392xf32>
// AVX2-COUNT-12: arith.mulf {{.*}} fastmath<contract> : vector<8xf32>
func.func @many_rows(%a: memref<2048x500xf32>, %b: memref<500x256xf32>, %c: memref<2048x256xf32>) {
  linalg.matmul ins(%a, %b : memref<2048x500xf32>, memref<500x256xf32>) outs(%c : memref<2048x256xf32>)
  return
}

// -----

// Factors whose rows are not contiguous are copied in the same way.
// CHECK-LABEL: func @transposed
// CHECK:         memref.alloc() {{.*}} : memref<8x528xf32>
// CHECK:         memref.alloc() {{.*}} : memref<3x512x48xf32>
// CHECK-NOT:     linalg
// CHECK:         return
#left = affine_map<(i, j, k) -> (k, i)>
#right = affine_map<(i, j, k) -> (k, j)>
#result = affine_map<(i, j, k) -> (i, j)>
func.func @transposed(%a: memref<500x1024xf32>, %b: memref<500x256xf32>, %c: memref<1024x256xf32>) {
  linalg.contract indexing_maps = [#left, #right, #result]
    ins(%a, %b : memref<500x1024xf32>, memref<500x256xf32>) outs(%c : memref<1024x256xf32>)
  return
}

// -----

// The right factor is read where it lies.
// CHECK-LABEL: func @one_row
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     linalg
// CHECK:         scf.parallel
// CHECK:         return
func.func @one_row(%a: memref<1x?xf32>, %b: memref<?x?xf32>, %c: memref<1x?xf32>) {
  linalg.matmul ins(%a, %b : memref<1x?xf32>, memref<?x?xf32>) outs(%c : memref<1x?xf32>)
  return
}

// -----

// Few rows: 64 rows of the right factor are read side by side, in stretches of
// 22 panels, which are 1056 columns.
// CHECK-LABEL: func @some_rows
// CHECK:         scf.parallel (%{{.*}}) = (%c0) to (%c4)
// CHECK:           memref.alloc() {{.*}} : memref<64x48xf32>
// CHECK:           scf.for %{{.*}} = %c0 to %c16
// CHECK:             scf.for %{{.*}} step %c48
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @some_rows(%a: memref<16x1000xf32>, %b: memref<1000x4096xf32>, %c: memref<16x4096xf32>) {
  linalg.matmul ins(%a, %b : memref<16x1000xf32>, memref<1000x4096xf32>) outs(%c : memref<16x4096xf32>)
  return
}

// -----

// Zeros that only the product sees are not written first, but where it has no
// terms.
// CHECK-LABEL: func @from_zeros
// CHECK:         %[[EMPTY:.*]] = arith.cmpi sle, %{{.*}}, %c0
// CHECK-NEXT:    scf.if %[[EMPTY]] {
// CHECK-NEXT:      linalg.fill
// CHECK-NEXT:    }
// CHECK-NOT:     linalg.fill
func.func @from_zeros(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x?xf32>)
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// -----

// CHECK-LABEL: func @integers
// CHECK:         linalg.matmul
func.func @integers(%a: memref<?x?xi32>, %b: memref<?x?xi32>, %c: memref<?x?xi32>) {
  linalg.matmul ins(%a, %b : memref<?x?xi32>, memref<?x?xi32>) outs(%c : memref<?x?xi32>)
  return
}

// -----

// CHECK-LABEL: func @in_a_parallel_loop
// CHECK:         linalg.matmul
func.func @in_a_parallel_loop(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<4x?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %rows = memref.dim %a, %c0 : memref<?x?xf32>
  %columns = memref.dim %b, %c1 : memref<?x?xf32>
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %part = memref.subview %c[%i, 0, 0] [1, %rows, %columns] [1, 1, 1]
      : memref<4x?x?xf32> to memref<?x?xf32, strided<[?, 1], offset: ?>>
    linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>)
      outs(%part : memref<?x?xf32, strided<[?, 1], offset: ?>>)
  }
  return
}

// -----

// Threads share out the products of a batch. Of a small product, one panel is
// copied at a time, and the left factor is read where it lies.
// CHECK-LABEL: func @batch
// CHECK:         scf.parallel (%{{.*}}) = (%c0, %c0) to (%c8, %c2)
// CHECK:           memref.alloc() {{.*}} : memref<64x48xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @batch(%a: memref<8x256x64xf32>, %b: memref<8x64x256xf32>, %c: memref<8x256x256xf32>) {
  linalg.batch_matmul ins(%a, %b : memref<8x256x64xf32>, memref<8x64x256xf32>) outs(%c : memref<8x256x256xf32>)
  return
}

// -----

// Panels are read where they lie: nothing is copied, and one row has four times
// as many sums as a panel has vectors.
// CHECK-LABEL: func @packed_matmul
// CHECK-NOT:     effattn
// CHECK:         linalg.fill
// CHECK:         scf.parallel
// CHECK-COUNT-12: arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         scf.parallel
// CHECK-COUNT-24: arith.mulf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK:         memref.alloc() {{.*}} : memref<8x528xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         return
// Tiles as wide as 16 columns divide panels of 48, too.
// AVX2-LABEL:  func @packed_matmul
// AVX2-COUNT-8:  arith.mulf {{.*}} fastmath<contract> : vector<8xf32>
func.func @packed_matmul(%x: memref<?x?xf32>, %panels: memref<?x?x48xf32>, %out: memref<?x?xf32>) {
  effattn.packed_matmul ins(%x, %panels : memref<?x?xf32>, memref<?x?x48xf32>) outs(%out : memref<?x?xf32>)
  return
}

// -----

// Panels that vectors do not divide are copied as any matrix whose rows lie
// apart.
// CHECK-LABEL: func @packed_matmul_of_odd_panels
// CHECK-NOT:     effattn
// CHECK:         memref.alloc({{.*}}) {{.*}} : memref<?x?x48xf32>
// CHECK:         return
func.func @packed_matmul_of_odd_panels(%x: memref<?x?xf32>, %panels: memref<?x?x7xf32>, %out: memref<?x?xf32>) {
  effattn.packed_matmul ins(%x, %panels : memref<?x?xf32>, memref<?x?x7xf32>) outs(%out : memref<?x?xf32>)
  return
}

// -----

// Pairs of bf16 numbers along the depth, where the CPU is fast at it; the last
// pair of an odd depth has a zero. Otherwise numbers are widened as they are
// copied.
// CHECK-LABEL: func @bf16_numbers
// CHECK-NOT:     dpbf16ps
// CHECK:         memref.alloc() {{.*}} : memref<8x528xf32>
// PAIRS-LABEL: func @bf16_numbers
// PAIRS:         memref.alloc() {{.*}} : memref<8x{{[0-9]+}}xbf16>
// PAIRS:         memref.alloc({{.*}}) {{.*}} : memref<?x{{.*}}x96xbf16>
// PAIRS:         vector.interleave {{.*}} : vector<16xbf16> -> vector<32xbf16>
// PAIRS-COUNT-24: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// PAIRS-NOT:     linalg
// PAIRS:         return
func.func @bf16_numbers(%a: memref<2048x501xbf16>, %b: memref<501x?xbf16>, %c: memref<2048x?xf32>) {
  linalg.matmul ins(%a, %b : memref<2048x501xbf16>, memref<501x?xbf16>) outs(%c : memref<2048x?xf32>)
  return
}

// -----

// Columns are turned over as pairs, which are as wide as an f32 number.
// PAIRS-LABEL: func @bf16_columns
// PAIRS:         vector.bitcast {{.*}} : vector<32xbf16> to vector<16xf32>
// PAIRS:         vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// PAIRS:         llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @bf16_columns(%a: memref<?x?xbf16>, %b: memref<?x?xbf16>, %c: memref<?x?xf32>) {
  linalg.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %b : memref<?x?xbf16>, memref<?x?xbf16>) outs(%c : memref<?x?xf32>)
  return
}
