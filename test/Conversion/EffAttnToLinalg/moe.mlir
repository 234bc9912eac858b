// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not=effattn.
// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse -one-shot-bufferize=bufferize-function-boundaries \
// RUN:   -canonicalize -cse -canonicalize | FileCheck %s --check-prefix=BUFFERS

// Logits of equal columns are equal to the bit: nothing is fused.
// CHECK-LABEL: @moe_route
// CHECK-NOT:     fastmath
// CHECK:         math.exp
// CHECK-NOT:     fastmath
// CHECK:         return

// Sums of a tile, rows, logits, a block, probabilities, and the heap.
// BUFFERS-LABEL: @moe_route
// BUFFERS:         memref.alloc(%{{.*}}) {{.*}} : memref<?x4xf32>
// BUFFERS:         scf.forall
// BUFFERS-COUNT-4:   memref.alloc(%{{.*}})
// BUFFERS:           memref.alloc() {{.*}} : memref<2xi64>
// BUFFERS-NOT:     memref.copy
// BUFFERS:         memref.alloc() {{.*}} : memref<4xf64>
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @moe_route(%x: tensor<?x?xf32>, %w: tensor<?x4xf32>, %g: tensor<?x2xf32>, %e: tensor<?x2xi32>, %b: tensor<f32>)
    -> (tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>) {
  %r:3 = effattn.moe_route ins(%x, %w : tensor<?x?xf32>, tensor<?x4xf32>)
    outs(%g, %e, %b : tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>) {k = 2}
  return %r#0, %r#1, %r#2 : tensor<?x2xf32>, tensor<?x2xi32>, tensor<f32>
}

// CHECK-LABEL: @moe_route_without_choices
// CHECK-SAME:    %[[G:[a-z0-9]+]]: tensor<?x0xf32>, %[[E:[a-z0-9]+]]: tensor<?x0xi32>, %[[B:[a-z0-9]+]]: tensor<f32>
// CHECK-NEXT:    %[[ZERO:.*]] = arith.constant 0.0
// CHECK-NEXT:    %[[BALANCE:.*]] = linalg.fill ins(%[[ZERO]] : f32) outs(%[[B]]
// CHECK-NEXT:    return %[[G]], %[[E]], %[[BALANCE]]
func.func @moe_route_without_choices(%g: tensor<?x0xf32>, %e: tensor<?x0xi32>, %b: tensor<f32>, %x: tensor<?x?xf32>, %w: tensor<?x4xf32>)
    -> (tensor<?x0xf32>, tensor<?x0xi32>, tensor<f32>) {
  %r:3 = effattn.moe_route ins(%x, %w : tensor<?x?xf32>, tensor<?x4xf32>)
    outs(%g, %e, %b : tensor<?x0xf32>, tensor<?x0xi32>, tensor<f32>) {k = 0}
  return %r#0, %r#1, %r#2 : tensor<?x0xf32>, tensor<?x0xi32>, tensor<f32>
}

// f32 sums are the result itself: what 32 tiles make is the largest scratch.
// BUFFERS-LABEL: @moe_ffn
// BUFFERS-COUNT-3: memref.alloc() {{.*}} : memref<4xindex>
// BUFFERS:         memref.alloc(%{{.*}}) {{.*}} : memref<?xindex>
// BUFFERS:         memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// BUFFERS-COUNT-3: memref.alloc(%{{.*}}) {{.*}} : memref<?xindex>
// BUFFERS:         memref.alloc(%{{.*}}) {{.*}} : memref<?x?x8xf32>
// BUFFERS:         scf.for
// BUFFERS:           scf.forall
// BUFFERS:             memref.alloc(%{{.*}}) {{.*}} : memref<?x8xf32>
// BUFFERS-COUNT-2:     memref.alloc(%{{.*}}) {{.*}} : memref<?x256xf32>
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @moe_ffn(%x: tensor<?x8xf32>, %gates: tensor<?x?xf32>, %experts: tensor<?x?xi32>, %gate: tensor<4x8x?xf32>,
    %up: tensor<4x8x?xf32>, %down: tensor<4x?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %r = effattn.moe_ffn ins(%x, %gates, %experts, %gate, %up, %down
    : tensor<?x8xf32>, tensor<?x?xf32>, tensor<?x?xi32>, tensor<4x8x?xf32>, tensor<4x8x?xf32>, tensor<4x?x8xf32>) outs(%out : tensor<?x8xf32>)
  return %r : tensor<?x8xf32>
}
