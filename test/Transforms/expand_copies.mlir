// RUN: effattn-opt %s -effattn-expand-copies | FileCheck %s

// CHECK-LABEL: @copies
// CHECK-SAME:    %[[A:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>, %[[C:.*]]: memref<?xf32, strided
// CHECK-NEXT:    memref.copy %[[A]], %[[B]]
// CHECK-NEXT:    linalg.generic {{.*}} ins(%[[A]] {{.*}} outs(%[[C]]
// CHECK-NOT:     memref.copy
func.func @copies(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32, strided<[?], offset: ?>>) {
  memref.copy %a, %b : memref<?xf32> to memref<?xf32>
  memref.copy %a, %c : memref<?xf32> to memref<?xf32, strided<[?], offset: ?>>
  memref.copy %b, %b : memref<?xf32> to memref<?xf32>
  return
}
