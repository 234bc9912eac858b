// RUN: effattn-opt %s -effattn-build-norm-kernels -canonicalize -cse | FileCheck %s
// A warp takes a row: its lanes add squares, exchange their sums by shuffles, and scale.
func.func @normalise(%x: memref<?x640xf32>, %w: memref<640xf32>, %out: memref<?x640xf32>) {
  effattn.rms_norm ins(%x, %w : memref<?x640xf32>, memref<640xf32>) outs(%out : memref<?x640xf32>)
  return
}
// CHECK: gpu.launch
// CHECK: gpu.shuffle
// CHECK-NOT: effattn.rms_norm
