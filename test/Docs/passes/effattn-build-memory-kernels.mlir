// RUN: effattn-opt %s -effattn-build-memory-kernels -canonicalize -cse | FileCheck %s
// Threads share the width of a row; tokens stay in order.
func.func @remember(%w: memref<1x?x4xf32>, %i: memref<1x?x4xi32>, %v: memref<1x?x64xf32>, %out: memref<1x?x64xf32>,
                    %memory: memref<1x?x64xf32>, %mass: memref<1x?xf32>) {
  effattn.address_memory ins(%w, %i, %v, %w, %i : memref<1x?x4xf32>, memref<1x?x4xi32>, memref<1x?x64xf32>, memref<1x?x4xf32>, memref<1x?x4xi32>)
    outs(%out, %memory, %mass : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?xf32>)
  return
}
// CHECK: gpu.launch
// CHECK-NOT: effattn.address_memory
