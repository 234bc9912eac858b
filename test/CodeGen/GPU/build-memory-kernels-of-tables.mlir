// RUN: effattn-opt %s -effattn-build-memory-kernels -canonicalize -cse | FileCheck %s

// A warp copies a row, 16 bytes a lane.
// CHECK-LABEL: @rows
// CHECK: function(@embedding)
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x640xbf16>, vector<8xbf16>
// CHECK: vector.store {{.*}} {alignment = 16 : i64} : memref<?x640xbf16>, vector<8xbf16>
func.func @rows(%ids: memref<?xi32>, %table: memref<?x640xbf16>, %out: memref<?x640xbf16>) {
  effattn.embedding ins(%ids, %table : memref<?xi32>, memref<?x640xbf16>) outs(%out : memref<?x640xbf16>)
  return
}

// A warp has 128 columns; a column is in one of the parts.
// CHECK-LABEL: @parts
// CHECK: function(@split_embedding)
// CHECK: scf.for {{.*}} step %c32
// CHECK: scf.if
// CHECK: memref.load {{.*}} : memref<64x32xf32>
// CHECK: } else {
// CHECK: memref.load {{.*}} : memref<?x96xf32>
func.func @parts(%ids: memref<?xi32>, %roles: memref<64x32xf32>, %words: memref<?x96xf32>, %role: memref<?xi32>,
    %out: memref<?x128xf32>) {
  effattn.split_embedding ins(%ids, %roles, %words : memref<?xi32>, memref<64x32xf32>, memref<?x96xf32>)
    invariant_map(%role : memref<?xi32>) outs(%out : memref<?x128xf32>) {combine = #effattn.combine<concat>}
  return
}

// What is known of a row is loaded before its columns.
// CHECK-LABEL: @codes
// CHECK: function(@quantized_embedding)
// CHECK: %[[WIDE:.*]] = memref.load {{.*}} : memref<?xi1>
// CHECK: scf.for {{.*}} step %c32
// CHECK: scf.if %[[WIDE]]
// CHECK: memref.load {{.*}} : memref<?x640xi8>
// CHECK: } else {
// CHECK: memref.load {{.*}} : memref<?x320xi8>
func.func @codes(%ids: memref<?xi32>, %codes4: memref<?x320xi8>, %codes8: memref<?x640xi8>, %kind: memref<?xi1>,
    %row: memref<?xi32>, %scales: memref<?x20xf16>, %out: memref<?x640xbf16>) {
  effattn.quantized_embedding ins(%ids, %codes4, %codes8, %kind, %row, %scales : memref<?xi32>, memref<?x320xi8>,
    memref<?x640xi8>, memref<?xi1>, memref<?xi32>, memref<?x20xf16>) outs(%out : memref<?x640xbf16>)
  return
}

// The numbers of the ids of all domains, and then the rows.
// CHECK-LABEL: @domains
// CHECK: function(@lora_embedding_factors)
// CHECK: function(@lora_embedding)
// CHECK: scf.for {{.*}} step %c32
// CHECK: memref.load {{.*}} : memref<?x3x4xf32>
// CHECK: memref.load {{.*}} : memref<3x4x512xbf16>
// CHECK: memref.dealloc
func.func @domains(%ids: memref<?xi32>, %table: memref<?x512xf32>, %a: memref<3x?x4xf32>, %b: memref<3x4x512xbf16>,
    %out: memref<?x512xf32>) {
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<?xi32>, memref<?x512xf32>, memref<3x?x4xf32>,
    memref<3x4x512xbf16>) outs(%out : memref<?x512xf32>)
  return
}

// A launch a core, for some ids at a time.
// CHECK-LABEL: @cores
// CHECK: scf.for {{.*}} step %c4096
// CHECK-COUNT-2: function(@tensor_train_embedding)
// CHECK: memref.dealloc
func.func @cores(%ids: memref<?xi32>, %first: memref<1x32x8x16xf32>, %second: memref<16x40x12x1xf32>,
    %out: memref<?x96xf32>) {
  effattn.tensor_train_embedding ins(%ids, %first, %second : memref<?xi32>, memref<1x32x8x16xf32>,
    memref<16x40x12x1xf32>) outs(%out : memref<?x96xf32>)
  return
}
