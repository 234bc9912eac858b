// RUN: effattn-opt %s -effattn-expand-concepts='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// Tokens that start a concept are found 64 flags at a time, and their rows copied by vectors.
func.func @keep(%h: memref<1x?x64xf32>, %mask: memref<1x?xi1>, %concepts: memref<1x?x64xf32>, %counts: memref<1xi32>) {
  effattn.chunk ins(%h, %mask : memref<1x?x64xf32>, memref<1x?xi1>)
    outs(%concepts, %counts : memref<1x?x64xf32>, memref<1xi32>)
  return
}
// CHECK-NOT: effattn.chunk
// CHECK: vector<
