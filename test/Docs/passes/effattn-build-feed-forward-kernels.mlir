// RUN: effattn-opt %s -effattn-build-feed-forward-kernels -canonicalize -cse | FileCheck %s
// Two kernels: the first makes gate and up and their hidden layer at once, the second
// the product with it. Each has a form for operands at addresses that are multiples of 16 bytes, and one for all others.
func.func @layer(%x: memref<128x64xbf16>, %gate: memref<64x256xbf16>, %up: memref<64x256xbf16>,
                 %down: memref<256x64xbf16>, %out: memref<128x64xbf16>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<128x64xbf16>, memref<64x256xbf16>, memref<64x256xbf16>,
    memref<256x64xbf16>) outs(%out : memref<128x64xbf16>)
  return
}
// CHECK-COUNT-2: gpu.launch
// CHECK-NOT: effattn.gated_ffn
