// RUN: effattn-opt %s -effattn-build-feed-forward-kernels -canonicalize -cse | FileCheck %s

// Logits by a product; a warp a token for its probabilities and the best of
// them; sums of 256 tokens by blocks, and of these by one block. The only
// atomic additions are of integers.
// CHECK-LABEL: @route
// CHECK: memref.alloc({{.*}}) : memref<?x64xf32>
// CHECK: memref.alloc() : memref<64xi32>
// CHECK: function(@moe_route_logits)
// CHECK: function(@moe_route)
// CHECK: memref.atomic_rmw addi {{.*}} : (i32, memref<64xi32>) -> i32
// CHECK: arith.divf
// CHECK: function(@moe_route_parts)
// CHECK: arith.addf {{.*}} : f64
// CHECK: gpu.barrier
// CHECK: function(@moe_route_balance)
// CHECK: gpu.barrier
// CHECK-NOT: memref.atomic_rmw
// CHECK-COUNT-3: memref.dealloc
func.func @route(%x: memref<?x?x640xbf16>, %w: memref<640x64xf32>, %g: memref<?x?x2xf32>, %e: memref<?x?x2xi32>,
    %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<?x?x640xbf16>, memref<640x64xf32>)
    outs(%g, %e, %b : memref<?x?x2xf32>, memref<?x?x2xi32>, memref<f32>) {k = 2}
  return
}

// Gates that are not normalised are written once: what is divided are powers,
// of the experts that were chosen and of all.
// CHECK-LABEL: @gates_as_they_are
// CHECK: function(@moe_route)
// CHECK: arith.divf
// CHECK: memref.atomic_rmw
// CHECK: arith.divf
// CHECK-NOT: arith.divf
// CHECK: function(@moe_route_parts)
func.func @gates_as_they_are(%x: memref<?x640xbf16>, %w: memref<640x64xf32>, %g: memref<?x2xf32>, %e: memref<?x2xi32>,
    %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<?x640xbf16>, memref<640x64xf32>)
    outs(%g, %e, %b : memref<?x2xf32>, memref<?x2xi32>, memref<f32>) {k = 2, normalize = false}
  return
}

// CHECK-LABEL: @no_choices
// CHECK-NOT: gpu.launch
// CHECK: memref.store %{{.*}}, %{{.*}}[] : memref<f32>
// CHECK-NOT: gpu.launch
func.func @no_choices(%x: memref<?x640xbf16>, %w: memref<640x64xf32>, %g: memref<?x0xf32>, %e: memref<?x0xi32>,
    %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<?x640xbf16>, memref<640x64xf32>)
    outs(%g, %e, %b : memref<?x0xf32>, memref<?x0xi32>, memref<f32>) {k = 0}
  return
}
