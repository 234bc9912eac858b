// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse \
// RUN:   -one-shot-bufferize=bufferize-function-boundaries \
// RUN:   -canonicalize -cse -canonicalize | FileCheck %s

// Only the slots that a token names are read and written: what is allocated is
// a row of sums, and nothing is copied.
// CHECK-LABEL: func @memory_of_any_size
// CHECK-SAME:    %[[MEMORY:[a-z0-9]+]]: memref<?x?x?xf32>, %[[MASS:[a-z0-9]+]]: memref<?x?xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         scf.forall
// CHECK-DAG:       %[[ROW:.*]] = memref.subview %[[MEMORY]]
// CHECK-DAG:       %[[MASSES:.*]] = memref.subview %[[MASS]]
// CHECK-DAG:       %[[SUMS:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK-NOT:     memref.alloc
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK:               scf.for
// CHECK:                 memref.store %{{.*}}, %[[ROW]]
// CHECK:               memref.store %{{.*}}, %[[MASSES]]
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
func.func @memory_of_any_size(%memory: memref<?x?x?xf32>, %mass: memref<?x?xf32>, %w: memref<?x?x?xf32>, %wi: memref<?x?x?xi32>,
    %v: memref<?x?x?xbf16>, %r: memref<?x?x?xf32>, %ri: memref<?x?x?xi32>, %lengths: memref<?xi32>, %out: memref<?x?x?xbf16>) {
  effattn.address_memory
    ins(%w, %wi, %v, %r, %ri : memref<?x?x?xf32>, memref<?x?x?xi32>, memref<?x?x?xbf16>, memref<?x?x?xf32>, memref<?x?x?xi32>)
    lengths(%lengths : memref<?xi32>)
    outs(%out, %memory, %mass : memref<?x?x?xbf16>, memref<?x?x?xf32>, memref<?x?xf32>)
  return
}

// The heap is the only scratch, and a row of the results is written in place.
// CHECK-LABEL: func @best_of_a_row
// CHECK-NOT:     memref.alloc
// CHECK:         scf.forall
// CHECK:           memref.alloc() {{.*}} : memref<8xi64>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
func.func @best_of_a_row(%x: memref<?x?xf32>, %v: memref<?x8xf32>, %i: memref<?x8xi32>) {
  effattn.top_k ins(%x : memref<?x?xf32>) outs(%v, %i : memref<?x8xf32>, memref<?x8xi32>) {k = 8}
  return
}

// CHECK-LABEL: func @best_of_many_slots
// CHECK:         scf.forall
// CHECK-DAG:       memref.alloc() {{.*}} : memref<5x16xf32>
// CHECK-COUNT-2:   memref.alloc() {{.*}} : memref<8xi64>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
func.func @best_of_many_slots(%x: memref<?x?x80xf32>, %p: memref<?x?xi32>, %v: memref<?x?x8xf32>, %i: memref<?x?x8xi32>) {
  effattn.address_decode ins(%x : memref<?x?x80xf32>) positions(%p : memref<?x?xi32>)
    outs(%v, %i : memref<?x?x8xf32>, memref<?x?x8xi32>) {digits = 5, k = 8}
  return
}

// CHECK-LABEL: func @all_slots
// CHECK:         scf.forall
// CHECK:           memref.alloc(%{{.*}}) {{.*}} : memref<?x?xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
func.func @all_slots(%x: memref<?x?x?xf32>, %out: memref<?x?xf32>) {
  effattn.product_softmax ins(%x : memref<?x?x?xf32>) outs(%out : memref<?x?xf32>)
  return
}
