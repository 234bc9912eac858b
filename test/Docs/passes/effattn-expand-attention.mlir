// RUN: effattn-opt %s -effattn-expand-attention='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// Blocks of queries go over blocks of keys with a running maximum and sum; keys that
// no query of a block keeps are not visited.
func.func @attend(%q: memref<1x8x4096x64xf32>, %k: memref<1x2x4096x64xf32>, %out: memref<1x8x4096x64xf32>) {
  effattn.attention ins(%q, %k, %k : memref<1x8x4096x64xf32>, memref<1x2x4096x64xf32>, memref<1x2x4096x64xf32>)
    outs(%out : memref<1x8x4096x64xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return
}
// CHECK-NOT: effattn.attention
// CHECK: scf.parallel
// CHECK: vector<16xf32>
