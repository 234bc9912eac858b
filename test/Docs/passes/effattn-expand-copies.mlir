// RUN: effattn-opt %s -effattn-expand-copies | FileCheck %s
// The second copy is between rows that are apart: it becomes an op of linalg,
// which becomes a loop. The first one is a memcpy as it is.
func.func @copies(%a: memref<8xf32>, %b: memref<8xf32>, %column: memref<8xf32, strided<[5]>>) {
  memref.copy %a, %b : memref<8xf32> to memref<8xf32>
  memref.copy %b, %column : memref<8xf32> to memref<8xf32, strided<[5]>>
  return
}
// CHECK: memref.copy
// CHECK-NEXT: linalg.generic
