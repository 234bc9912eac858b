// RUN: effattn-opt %s -effattn-insert-checks="later=effattn.chunk" | FileCheck %s

// What data decides is left to the op, but for parallel loops.
// CHECK-LABEL: @rows
// CHECK-NOT: boundaries (capacity)
// CHECK: scf.forall
// CHECK: effattn.check %{{.*}}, "'effattn.chunk' op expected at most {0} boundaries (capacity)
// CHECK-NOT: boundaries (capacity)
func.func @rows(%h: memref<2x5x8xf32>, %mask: memref<2x5xi1>, %concepts: memref<2x3x8xf32>, %counts: memref<2xi32>) {
  effattn.chunk ins(%h, %mask : memref<2x5x8xf32>, memref<2x5xi1>)
    outs(%concepts, %counts : memref<2x3x8xf32>, memref<2xi32>)
  scf.forall (%i) in (4) {
    effattn.chunk ins(%h, %mask : memref<2x5x8xf32>, memref<2x5xi1>)
      outs(%concepts, %counts : memref<2x3x8xf32>, memref<2xi32>)
  }
  return
}
