// RUN: effattn-opt %s --transform-interpreter --split-input-file | FileCheck %s

// One of two equal ops is expanded, with a tile of keys of its own.
// CHECK-LABEL: func.func @one_of_two
// CHECK:         %[[TILE:.*]] = arith.constant 192 : index
// CHECK:         scf.for {{.*}} step %[[TILE]]
// CHECK:         vector.load {{.*}} vector<8xf32>
// CHECK:         effattn.attention {{.*}} : memref<1x8x?x64xf32>)
// CHECK-NEXT:    return
func.func @one_of_two(%q: memref<1x8x?x64xf32>, %k: memref<1x2x?x64xf32>, %v: memref<1x2x?x64xf32>,
                      %out: memref<1x8x?x64xf32>) {
  effattn.attention ins(%q, %k, %v : memref<1x8x?x64xf32>, memref<1x2x?x64xf32>, memref<1x2x?x64xf32>)
    outs(%out : memref<1x8x?x64xf32>) {tuned}
  effattn.attention ins(%q, %k, %v : memref<1x8x?x64xf32>, memref<1x2x?x64xf32>, memref<1x2x?x64xf32>)
    outs(%out : memref<1x8x?x64xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %attention = transform.structured.match ops{["effattn.attention"]} attributes{tuned} in %root
      : (!transform.any_op) -> !transform.any_op
    %made = transform.effattn.expand %attention tiling {"key-tile" = 192} {vector_bits = 256}
      : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

// The zeros that a product starts from go with it, and a handle to them is
// empty; the result's handle has what stands in their place.
// CHECK-LABEL: func.func @product
// CHECK:         scf.if
// CHECK-NOT:     linalg.matmul
// CHECK-NOT:     {gone
// CHECK:         {made = 1 : i64}
// CHECK:         return
func.func @product(%a: memref<?x640xf32>, %b: memref<640x2048xf32>, %out: memref<?x2048xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<?x2048xf32>)
  linalg.matmul ins(%a, %b : memref<?x640xf32>, memref<640x2048xf32>) outs(%out : memref<?x2048xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %zeros = transform.structured.match ops{["linalg.fill"]} in %root : (!transform.any_op) -> !transform.any_op
    %product = transform.structured.match ops{["linalg.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %made = transform.effattn.expand %product : (!transform.any_op) -> !transform.any_op
    %mark = transform.param.constant 1 : i64 -> !transform.any_param
    transform.annotate %made "made" = %mark : !transform.any_op, !transform.any_param
    transform.annotate %zeros "gone" = %mark : !transform.any_op, !transform.any_param
    transform.yield
  }
}

// -----

// Zeros that a product before them in the handle has taken along are passed over.
// CHECK-LABEL: func.func @with_its_zeros
// CHECK-NOT:     linalg
// CHECK:         scf.if
// CHECK-NOT:     linalg.matmul
// CHECK:         return
func.func @with_its_zeros(%a: memref<?x640xf32>, %b: memref<640x2048xf32>, %out: memref<?x2048xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<?x2048xf32>)
  linalg.matmul ins(%a, %b : memref<?x640xf32>, memref<640x2048xf32>) outs(%out : memref<?x2048xf32>)
  return
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %zeros = transform.structured.match ops{["linalg.fill"]} in %root : (!transform.any_op) -> !transform.any_op
    %product = transform.structured.match ops{["linalg.matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %both = transform.merge_handles %product, %zeros : !transform.any_op
    %made = transform.effattn.expand %both : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
