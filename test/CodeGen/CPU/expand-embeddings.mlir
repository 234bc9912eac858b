// RUN: effattn-opt %s -effattn-expand-embeddings='vector-bits=512 vector-registers=32' -canonicalize -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-embeddings='vector-bits=256' -canonicalize -split-input-file | FileCheck %s --check-prefix=AVX2

// The numbers of 64 ids are gathered and their rows asked for; tiles of 8 ids by 3 vectors are summed in
// registers over all domains, and rows of the table come to them.
// CHECK-LABEL: func @changes
// CHECK:         scf.parallel
// CHECK:           memref.alloc(%{{.*}}) {{.*}} : memref<64x?x?xf32>
// CHECK:           memref.alloc() {{.*}} : memref<64xindex>
// CHECK-NOT:       memref.alloc
// CHECK:           scf.for {{.*}} = %c0 to %c512 step %c16
// CHECK-NEXT:        memref.prefetch {{.*}} : memref<?x512xf32>
// CHECK:           scf.if
// CHECK:           } else {
// CHECK:             scf.for {{.*}} -> (
// CHECK:               scf.for {{.*}} -> (
// CHECK-COUNT-3:         vector.load %{{.*}} : memref<?x?x512xbf16>, vector<16xbf16>
// CHECK-COUNT-24:        arith.addf {{.*}} fastmath<contract> : vector<16xf32>
// CHECK:             vector.load %{{.*}} : memref<?x512xf32>, vector<16xf32>
// CHECK:             vector.store %{{.*}} : memref<?x?x512xf32>, vector<16xf32>
// CHECK-NOT:     effattn.
// AVX2-LABEL:  func @changes
// AVX2:          } else {
// AVX2-COUNT-12:   arith.addf {{.*}} fastmath<contract> : vector<8xf32>
func.func @changes(%ids: memref<?x?xi32>, %table: memref<?x512xf32>, %a: memref<?x?x?xbf16>, %b: memref<?x?x512xbf16>,
    %weights: memref<?x?xf32>, %out: memref<?x?x512xf32>) {
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<?x?xi32>, memref<?x512xf32>, memref<?x?x?xbf16>, memref<?x?x512xbf16>)
    weights(%weights : memref<?x?xf32>) outs(%out : memref<?x?x512xf32>)
  return
}

// -----

// Only what is multiplied so far is scratch; a core whose columns and ranks do
// not lie as one dimension is copied.
// CHECK-LABEL: func @chain
// CHECK:         scf.if %{{.*}} -> (memref<?x?x?xbf16, strided<[?, ?, 1], offset: ?>>) {
// CHECK-NOT:       memref.alloc
// CHECK:           memref.reinterpret_cast %arg1
// CHECK:         } else {
// CHECK:           memref.alloc
// CHECK:         scf.parallel
// CHECK:           memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK-NOT:       memref.alloc
// CHECK:           arith.remui
// CHECK:           vector.store %{{.*}} : memref<?xf32>, vector<16xf32>
// CHECK:           vector.store %{{.*}} : memref<?x640xbf16>, vector<16xbf16>
// CHECK-NOT:     effattn.
func.func @chain(%ids: memref<?xi32>, %first: memref<?x?x?x?xbf16, strided<[?, ?, ?, 1], offset: ?>>,
    %second: memref<?x?x?x?xbf16>, %out: memref<?x640xbf16>) {
  effattn.tensor_train_embedding ins(%ids, %first, %second : memref<?xi32>,
      memref<?x?x?x?xbf16, strided<[?, ?, ?, 1], offset: ?>>, memref<?x?x?x?xbf16>)
    outs(%out : memref<?x640xbf16>)
  return
}
