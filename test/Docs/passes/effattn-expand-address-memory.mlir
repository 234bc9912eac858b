// RUN: effattn-opt %s -effattn-expand-address-memory='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// One loop over tokens reads and writes slots of the memory, 16 elements at a time.
func.func @remember(%w: memref<1x?x4xf32>, %i: memref<1x?x4xi32>, %v: memref<1x?x64xf32>, %out: memref<1x?x64xf32>,
                    %memory: memref<1x?x64xf32>, %mass: memref<1x?xf32>) {
  effattn.address_memory ins(%w, %i, %v, %w, %i : memref<1x?x4xf32>, memref<1x?x4xi32>, memref<1x?x64xf32>, memref<1x?x4xf32>, memref<1x?x4xi32>)
    outs(%out, %memory, %mass : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?xf32>)
  return
}
// CHECK-NOT: effattn.address_memory
// CHECK: scf.for
// CHECK: vector<16xf32>
