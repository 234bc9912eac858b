// RUN: effattn-opt %s -effattn-build-cache-kernels -canonicalize -cse | FileCheck %s
// A warp copies the row of a token and a head, eight numbers a lane. The new entries are counted behind the launch.
func.func @append(%k: memref<1x8x?x64xbf16>, %v: memref<1x8x?x64xbf16>, %keys: memref<1x8x4096x64xbf16>,
                  %values: memref<1x8x4096x64xbf16>, %length: memref<1xi32>) {
  effattn.kv_cache_append ins(%k, %v : memref<1x8x?x64xbf16>, memref<1x8x?x64xbf16>)
    outs(%keys, %values, %length : memref<1x8x4096x64xbf16>, memref<1x8x4096x64xbf16>, memref<1xi32>)
  return
}
// CHECK-NOT: effattn.kv_cache_append
// CHECK: gpu.launch
