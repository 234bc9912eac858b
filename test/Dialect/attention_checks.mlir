// RUN: effattn-opt %s -effattn-insert-checks -canonicalize | FileCheck %s

// CHECK-LABEL: @head_counts_at_run_time
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<1x?x2x8xf32>, %[[K:[a-z0-9]+]]: tensor<1x2x3x8xf32>
// CHECK:         effattn.check %{{.*}}, "'effattn.attention' op expected key heads (dim 1) to divide query heads (dim 1), but got {0} and {1}"
// CHECK:         effattn.attention
func.func @head_counts_at_run_time(%q: tensor<1x?x2x8xf32>, %k: tensor<1x2x3x8xf32>, %out: tensor<1x?x2x8xf32>) -> tensor<1x?x2x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x?x2x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>)
    outs(%out : tensor<1x?x2x8xf32>)
  return %0 : tensor<1x?x2x8xf32>
}

// CHECK-LABEL: @rows_of_an_offset
// CHECK:         effattn.check %{{.*}}, "'effattn.materialize_mask' op expected offset rows (dim 0) to equal keep rows (dim 0), but got {0} and {1}"
func.func @rows_of_an_offset(%offset: tensor<?xi64>, %keep: tensor<2x1x4x4xi1>) -> tensor<2x1x4x4xi1> {
  %0 = effattn.materialize_mask offset(%offset : tensor<?xi64>) outs(%keep : tensor<2x1x4x4xi1>)
  return %0 : tensor<2x1x4x4xi1>
}

// CHECK-LABEL: @lengths_of_queries_and_keys
// CHECK:         effattn.check %{{.*}}, "'effattn.attention' op expected lengths of row {0} to be between 0 and the token count {1}, but got {2}"
// CHECK:         effattn.check %{{.*}}, "'effattn.attention' op expected key_lengths of row {0} to be between 0 and the key count {1}, but got {2}"
func.func @lengths_of_queries_and_keys(%q: tensor<2x1x2x8xf32>, %k: tensor<2x1x3x8xf32>, %lengths: tensor<2xi32>,
    %key_lengths: tensor<2xi32>, %out: tensor<2x1x2x8xf32>) -> tensor<2x1x2x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<2x1x2x8xf32>, tensor<2x1x3x8xf32>, tensor<2x1x3x8xf32>)
    lengths(%lengths : tensor<2xi32>) key_lengths(%key_lengths : tensor<2xi32>) outs(%out : tensor<2x1x2x8xf32>)
  return %0 : tensor<2x1x2x8xf32>
}

// CHECK-LABEL: @ids_of_a_bitmap
// CHECK-SAME:    %[[IDS:[a-z0-9]+]]: tensor<2x3xi32>
// CHECK:         scf.for %[[ROW:.*]] = %
// CHECK:           scf.for %[[PLACE:.*]] = %
// CHECK:             tensor.extract %[[IDS]][%[[ROW]], %[[PLACE]]]
// CHECK:             effattn.check %{{.*}}, "'effattn.separator_positions' op expected ids to lie in [0, {0}), but got {1} at [{2}, {3}]"(%{{.*}}, %{{.*}}, %[[ROW]], %[[PLACE]]
func.func @ids_of_a_bitmap(%ids: tensor<2x3xi32>, %bitmap: tensor<9xi1>, %flags: tensor<2x3xi1>) -> tensor<2x3xi1> {
  %0 = effattn.separator_positions ins(%ids : tensor<2x3xi32>) bitmap(%bitmap : tensor<9xi1>) outs(%flags : tensor<2x3xi1>)
  return %0 : tensor<2x3xi1>
}

// Any id is legal beside a list.
// CHECK-LABEL: @ids_beside_a_list
// CHECK-NOT:     effattn.check
// CHECK:         return
func.func @ids_beside_a_list(%ids: tensor<2x3xi32>, %flags: tensor<2x3xi1>) -> tensor<2x3xi1> {
  %0 = effattn.separator_positions ins(%ids : tensor<2x3xi32>) outs(%flags : tensor<2x3xi1>) {separators = array<i64: 1>}
  return %0 : tensor<2x3xi1>
}

// CHECK-LABEL: @rotation_of_a_dynamic_head_size
// CHECK-DAG:     effattn.check %{{.*}}, "'effattn.rotary_embedding' op expected dims to be even, but got {0}"
// CHECK-DAG:     effattn.check %{{.*}}, "'effattn.rotary_embedding' op expected dims to be at most the head size of x (dim 3), but got {0} and {1}"
func.func @rotation_of_a_dynamic_head_size(%x: tensor<1x1x2x?xf32>, %p: tensor<1x2xi32>)
    -> (tensor<1x1x2x?xf32>, tensor<1x1x2x?xf32>) {
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x?xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x?xf32>)
  %1 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x?xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x?xf32>) {dims = 4}
  return %0, %1 : tensor<1x1x2x?xf32>, tensor<1x1x2x?xf32>
}

// CHECK-LABEL: @rotation_of_known_sizes
// CHECK-NOT:     effattn.check
// CHECK:         return
func.func @rotation_of_known_sizes(%x: tensor<1x1x2x6xf32>, %p: tensor<1x2xi32>) -> tensor<1x1x2x6xf32> {
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x6xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x6xf32>)
  return %0 : tensor<1x1x2x6xf32>
}

// CHECK-LABEL: @tables_of_dynamic_sizes
// CHECK:         effattn.check %{{.*}}, "'effattn.systematic_attention' op expected relative_values distances (dim 0) to equal relative_keys distances (dim 0), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "'effattn.systematic_attention' op expected key heads (dim 1) to divide query heads (dim 1), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "'effattn.systematic_attention' op expected relative_keys distances (dim 0) to be odd, but got {0}"
func.func @tables_of_dynamic_sizes(%q: tensor<1x?x2x8xf32>, %k: tensor<1x2x3x8xf32>, %a: tensor<?x8xf32>, %b: tensor<?x8xf32>)
    -> (tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %k, %k : tensor<1x?x2x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>)
    relative_keys(%a : tensor<?x8xf32>) relative_values(%b : tensor<?x8xf32>) outs(%q, %q : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
  return %0#0, %0#1 : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>
}
