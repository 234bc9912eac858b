// RUN: effattn-opt %s -effattn-build-rotary-kernels -canonicalize -cse | FileCheck %s
// The cosines and sines of a token are computed once, by a kernel of their own, for all heads.
func.func @turn(%x: memref<1x8x?x64xf32>, %positions: memref<1x?xi32>, %out: memref<1x8x?x64xf32>) {
  effattn.rotary_embedding ins(%x, %positions : memref<1x8x?x64xf32>, memref<1x?xi32>) outs(%out : memref<1x8x?x64xf32>)
  return
}
// CHECK: gpu.launch
// CHECK-NOT: effattn.rotary_embedding
