// RUN: effattn-opt %s -effattn-build-attention-kernels -canonicalize -cse | FileCheck %s
// Products with blocks of keys are made by tensor cores (`nvvm.mma.sync`) from shared
// memory. Where there are few queries the keys are split, and a second kernel merges what was found.
func.func @attend(%q: memref<2x4x?x64xf16>, %k: memref<2x4x?x64xf16>, %v: memref<2x4x?x64xf16>, %out: memref<2x4x?x64xf16>) {
  effattn.attention ins(%q, %k, %v : memref<2x4x?x64xf16>, memref<2x4x?x64xf16>, memref<2x4x?x64xf16>)
    outs(%out : memref<2x4x?x64xf16>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return
}
// CHECK: gpu.launch
// CHECK: nvvm.mma.sync
