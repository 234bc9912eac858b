// RUN: effattn-opt %s -effattn-build-rotary-kernels -canonicalize -cse | FileCheck %s

// Angles once for all heads, in f64; then a warp turns a row.
// CHECK-LABEL: @turn
// CHECK: %[[COSINES:.*]] = memref.alloc({{.*}}) : memref<?x32xf32>
// CHECK: %[[SINES:.*]] = memref.alloc({{.*}}) : memref<?x32xf32>
// CHECK: function(@rotary_turns)
// CHECK: math.cos {{.*}} : f64
// CHECK: math.sin {{.*}} : f64
// CHECK: function(@rotary_embedding)
// CHECK: memref.load %[[COSINES]]
// CHECK: memref.load %[[SINES]]
// CHECK-NOT: math.cos
// CHECK: memref.dealloc %[[COSINES]]
// CHECK: memref.dealloc %[[SINES]]
func.func @turn(%x: memref<?x?x?x64xbf16>, %positions: memref<?x?xi32>, %out: memref<?x?x?x64xbf16>) {
  effattn.rotary_embedding ins(%x, %positions : memref<?x?x?x64xbf16>, memref<?x?xi32>) outs(%out : memref<?x?x?x64xbf16>)
  return
}
