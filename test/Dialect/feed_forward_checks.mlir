// RUN: effattn-opt %s -effattn-insert-checks -canonicalize -cse | FileCheck %s

// CHECK-LABEL: @route_among_dynamic_experts
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected experts choices (dim 0) to equal gates choices (dim 0), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "'effattn.moe_route' op expected gates choices (dim 0) to equal k, but got {0} and {1}"(%{{.*}}, %c3
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected k to be at most the number of experts, but got {0} and {1}"(%c3, %
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected w experts (dim 1) to be at most {0}, but got {1}"(%c2147483647, %
func.func @route_among_dynamic_experts(%x: memref<8xf32>, %w: memref<8x?xf32>, %g: memref<?xf32>, %e: memref<?xi32>, %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x?xf32>) outs(%g, %e, %b : memref<?xf32>, memref<?xi32>, memref<f32>) {k = 3}
  return
}

// CHECK-LABEL: @route_among_static_experts
// CHECK-NOT:     effattn.check
func.func @route_among_static_experts(%x: memref<8xf32>, %w: memref<8x4xf32>, %g: memref<3xf32>, %e: memref<3xi32>, %b: memref<f32>) {
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<3xf32>, memref<3xi32>, memref<f32>) {k = 3}
  return
}

// CHECK-LABEL: @moe_ffn_c1_experts_exist
// CHECK-SAME:    %[[EXPERTS:[a-z0-9]+]]: tensor<5x2xi32>
// CHECK:         scf.for %[[TOKEN:.*]] = %c0 to %c5
// CHECK:           scf.for %[[CHOICE:.*]] = %c0 to %c2
// CHECK:             %[[EXPERT:.*]] = tensor.extract %[[EXPERTS]][%[[TOKEN]], %[[CHOICE]]]
// CHECK:             %[[FOUND:.*]] = arith.index_cast %[[EXPERT]]
// CHECK:             effattn.check %{{.*}}, "'effattn.moe_ffn' op expected experts to lie in [0, {0}), but got {1} at [{2}, {3}]"(%c4, %[[FOUND]], %[[TOKEN]], %[[CHOICE]] :
// CHECK:         effattn.moe_ffn
func.func @moe_ffn_c1_experts_exist(%experts: tensor<5x2xi32>, %x: tensor<5x8xf32>, %gates: tensor<5x2xf32>, %w: tensor<4x8x8xf32>, %out: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %r = effattn.moe_ffn ins(%x, %gates, %experts, %w, %w, %w
    : tensor<5x8xf32>, tensor<5x2xf32>, tensor<5x2xi32>, tensor<4x8x8xf32>, tensor<4x8x8xf32>, tensor<4x8x8xf32>) outs(%out : tensor<5x8xf32>)
  return %r : tensor<5x8xf32>
}
