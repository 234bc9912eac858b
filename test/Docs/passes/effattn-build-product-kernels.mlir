// RUN: effattn-opt %s -effattn-build-product-kernels -canonicalize -cse | FileCheck %s
// Tiles come to shared memory by asynchronous copies while tensor cores multiply those before.
func.func @product(%a: memref<128x32xbf16>, %b: memref<32x256xbf16>, %c: memref<128x256xbf16>) {
  linalg.matmul ins(%a, %b : memref<128x32xbf16>, memref<32x256xbf16>) outs(%c : memref<128x256xbf16>)
  return
}
// CHECK: gpu.launch
// CHECK: nvgpu.device_async_copy
// CHECK: nvvm.mma.sync
