// RUN: effattn-opt %s -effattn-expand-attention='vector-bits=512 vector-registers=32' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-attention='vector-bits=512 vector-registers=32 pair-dots' -canonicalize -split-input-file | FileCheck %s --check-prefix=PAIRS

// Three forms, by how many queries share keys; without a mask no weight is left
// out.
// CHECK-LABEL: func @all_keys
// CHECK-COUNT-2: scf.if
// CHECK-NOT:     effattn.attention
// CHECK:         return
func.func @all_keys(%q: memref<?x?x?x64xf32>, %k: memref<?x?x?x64xf32>, %out: memref<?x?x?x64xf32>) {
  effattn.attention ins(%q, %k, %k : memref<?x?x?x64xf32>, memref<?x?x?x64xf32>, memref<?x?x?x64xf32>)
    outs(%out : memref<?x?x?x64xf32>)
  return
}

// -----

// Scores of keys that are not kept become -inf; heads of a key head share a
// task, 4 tiles of 48 queries of the 4 x 4096 in each.
// CHECK-LABEL: func @causal
// CHECK:         arith.constant 0xFF800000 : f32
// CHECK:         scf.parallel {{.*}} to (%c2, %c86)
// CHECK-NOT:     effattn
// CHECK-NOT:     memref.prefetch
// CHECK:         return
func.func @causal(%q: memref<1x8x4096x64xf32>, %k: memref<1x2x4096x64xf32>, %out: memref<1x8x4096x64xf32>) {
  effattn.attention ins(%q, %k, %k : memref<1x8x4096x64xf32>, memref<1x2x4096x64xf32>, memref<1x2x4096x64xf32>)
    outs(%out : memref<1x8x4096x64xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

// Separators are found once; nothing as large as queries times keys exists.
// Gathered keys and values are asked for ahead of time.
// CHECK-LABEL: func @separators
// CHECK-DAG:     memref.alloc() {{.*}} : memref<1x4097xindex>
// CHECK-DAG:     memref.alloc() {{.*}} : memref<1x4096xindex>
// CHECK:         scf.parallel
// CHECK-NOT:     memref<{{.*}}4096x4096
// CHECK:         memref.prefetch {{.*}} read, locality<3>, data : memref<1x2x4096x64xf32>
// CHECK-NOT:     memref<{{.*}}4096x4096
// CHECK:         return
func.func @separators(%q: memref<1x2x4096x64xf32>, %k: memref<1x2x4096x64xf32>, %flags: memref<1x4096xi1>,
    %out: memref<1x2x4096x64xf32>) {
  effattn.attention ins(%q, %k, %k : memref<1x2x4096x64xf32>, memref<1x2x4096x64xf32>, memref<1x2x4096x64xf32>)
    outs(%out : memref<1x2x4096x64xf32>) mask {
    %mask = effattn.separator_mask %flags : memref<1x4096xi1> {initial = 4, window = 256}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

// Keys of another type are converted a tile at a time.
// CHECK-LABEL: func @bf16
// CHECK:         memref.alloc() {{.*}} : memref<128x64xf32>
// CHECK:         arith.extf {{.*}} : vector<16xbf16> to vector<16xf32>
func.func @bf16(%q: memref<1x2x?x64xf32>, %k: memref<1x2x?x64xbf16>, %v: memref<1x2x?x64xf32>, %out: memref<1x2x?x64xf32>) {
  effattn.attention ins(%q, %k, %v : memref<1x2x?x64xf32>, memref<1x2x?x64xbf16>, memref<1x2x?x64xf32>)
    outs(%out : memref<1x2x?x64xf32>)
  return
}

// -----

// Eight query heads of a key head: four numbers of each of eight keys times two
// vectors of queries, added up to vectors of scores; then two vectors of values
// times eight weights. Where no cache can hold them, the same vectors of values
// a tile further on are asked for.
// CHECK-LABEL: func @one_key_head
// CHECK-COUNT-8: vector.load {{.*}} : memref<1x1x?x64xf32>, vector<4xf32>
// CHECK:         vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// CHECK-COUNT-2: memref.prefetch {{.*}} : memref<1x1x?x64xf32>
// CHECK-COUNT-2: vector.load {{.*}} : memref<1x1x?x64xf32>, vector<16xf32>
// CHECK-NOT:     effattn
// CHECK:         return
func.func @one_key_head(%q: memref<1x8x1x64xf32>, %k: memref<1x1x?x64xf32>, %v: memref<1x1x?x64xf32>, %out: memref<1x8x1x64xf32>) {
  effattn.attention ins(%q, %k, %v : memref<1x8x1x64xf32>, memref<1x1x?x64xf32>, memref<1x1x?x64xf32>)
    outs(%out : memref<1x8x1x64xf32>)
  return
}

// -----

// Of bf16 numbers, eight are taken at a time.
// PAIRS-LABEL: func @one_key_head_bf16
// PAIRS-COUNT-8: vector.load {{.*}} : memref<1x1x?x64xbf16>, vector<8xbf16>
// PAIRS:         llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// PAIRS:         arith.mulf {{.*}} : vector<16xf32>
// PAIRS:         return
// CHECK-LABEL: func @one_key_head_bf16
// CHECK:         memref.alloc() {{.*}} : memref<8x64xf32>
// CHECK-NOT:     dpbf16ps
// CHECK:         return
func.func @one_key_head_bf16(%q: memref<1x8x1x64xbf16>, %k: memref<1x1x?x64xbf16>, %v: memref<1x1x?x64xbf16>, %out: memref<1x8x1x64xbf16>) {
  effattn.attention ins(%q, %k, %v : memref<1x8x1x64xbf16>, memref<1x1x?x64xbf16>, memref<1x1x?x64xbf16>)
    outs(%out : memref<1x8x1x64xbf16>)
  return
}

// -----

// One query: pairs of bf16 numbers become a vector of first and one of second
// ones, or are multiplied as they are. Of two keys at a time, all four vectors
// of values are weighed.
// CHECK-LABEL: func @one_query_bf16
// CHECK-NOT:     memref.prefetch
// CHECK:         vector.load {{.*}} : memref<1x8x?x64xbf16>, vector<32xbf16>
// CHECK:         arith.shli {{.*}} : vector<16xi32>
// CHECK:         arith.andi {{.*}} : vector<16xi32>
// CHECK-NOT:     effattn
// CHECK:         return
// PAIRS-LABEL: func @one_query_bf16
// PAIRS:         memref.alloc() {{.*}} : memref<1x64xbf16>
// PAIRS-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// PAIRS:         arith.mulf {{.*}} : vector<4xf32>
// PAIRS:         vector.store {{.*}} : memref<1x256xf32>, vector<4xf32>
// PAIRS-COUNT-4: vector.load {{.*}} : memref<1x8x?x64xbf16>, vector<32xbf16>
// PAIRS:         return
func.func @one_query_bf16(%q: memref<1x8x1x64xbf16>, %k: memref<1x8x?x64xbf16>, %v: memref<1x8x?x64xbf16>, %out: memref<1x8x1x64xbf16>) {
  effattn.attention ins(%q, %k, %v : memref<1x8x1x64xbf16>, memref<1x8x?x64xbf16>, memref<1x8x?x64xbf16>)
    outs(%out : memref<1x8x1x64xbf16>)
  return
}

// -----

// Gathered values are asked for where no cache can hold them.
// CHECK-LABEL: func @one_query_gathered
// CHECK:         memref.prefetch
// CHECK-NOT:     effattn
// CHECK:         return
func.func @one_query_gathered(%q: memref<1x8x1x64xf32>, %k: memref<1x8x?x64xbf16>, %v: memref<1x8x?x64xbf16>,
    %flags: memref<1x?xi1>, %out: memref<1x8x1x64xf32>) {
  effattn.attention ins(%q, %k, %v : memref<1x8x1x64xf32>, memref<1x8x?x64xbf16>, memref<1x8x?x64xbf16>)
    outs(%out : memref<1x8x1x64xf32>) mask {
    %mask = effattn.separator_mask %flags : memref<1x?xi1> {initial = 4, window = 256}
    effattn.yield %mask : !effattn.mask
  }
  return
}
