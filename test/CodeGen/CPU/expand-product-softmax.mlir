// RUN: effattn-opt %s -effattn-expand-product-softmax='vector-bits=512 vector-registers=32' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-product-softmax='vector-bits=256' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2

// A row a lane: what is left of the largest logits, and then the logits, are
// transposed; keys of half of the lanes are sorted. A few rows are searched one
// by one, several vectors of exponentials at a time.
// CHECK-LABEL: func @best_slots
// CHECK:         scf.parallel
// CHECK:         scf.if
// CHECK-COUNT-64: vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// CHECK:         vector.bitcast {{.*}} : vector<16xi32> to vector<8xf64>
// CHECK:         arith.cmpf olt, {{.*}} : vector<8xf64>
// CHECK:         } else {
// CHECK-COUNT-6: arith.mulf {{.*}} : vector<64xf32>
// CHECK:         vector.compressstore {{.*}} vector<16xf32>
// CHECK-NOT:     effattn.
// CHECK:         return
// AVX2-LABEL:  func @best_slots
// AVX2:          arith.cmpf olt, {{.*}} : vector<4xf64>
// AVX2-COUNT-6:  arith.mulf {{.*}} : vector<16xf32>
// AVX2-NOT:      vector.compressstore
// AVX2:          return
func.func @best_slots(%x: memref<?x?x2x64xf32>, %v: memref<?x?x8xf32>, %i: memref<?x?x8xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x?x2x64xf32>)
    outs(%v, %i : memref<?x?x8xf32>, memref<?x?x8xi32>) {k = 8}
  return
}

// -----

// Networks for many slots would be too long.
// CHECK-LABEL: func @many_slots
// CHECK-NOT:     f64
// CHECK:         vector.compressstore
// CHECK:         return
func.func @many_slots(%x: memref<?x2x64xf32>, %v: memref<?x33xf32>, %i: memref<?x33xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x2x64xf32>)
    outs(%v, %i : memref<?x33xf32>, memref<?x33xi32>) {k = 33}
  return
}

// -----

// Numbers that lie apart are read one by one.
// CHECK-LABEL: func @apart
// CHECK-NOT:     vector.load %arg0
// CHECK:         return
func.func @apart(%x: memref<?x2x64xf32, strided<[?, ?, ?], offset: ?>>, %out: memref<?x4096xf32>) {
  effattn.product_softmax ins(%x : memref<?x2x64xf32, strided<[?, ?, ?], offset: ?>>)
    outs(%out : memref<?x4096xf32>)
  return
}

// -----

// CHECK-LABEL: func @none
// CHECK-NEXT:    return
func.func @none(%x: memref<?x2x64xf32>, %v: memref<?x0xf32>, %i: memref<?x0xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<?x2x64xf32>)
    outs(%v, %i : memref<?x0xf32>, memref<?x0xi32>) {k = 0}
  return
}
