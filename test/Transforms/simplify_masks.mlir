// RUN: effattn-opt %s -split-input-file -effattn-simplify-masks | FileCheck %s

// CHECK-LABEL: @smaller_window_decides
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[CAUSAL:.*]] = effattn.causal_mask
// CHECK-NEXT:      %[[SMALL:.*]] = effattn.window_mask {size = 3 : i64}
// CHECK-NEXT:      %[[MASK:.*]] = effattn.mask_and %[[CAUSAL]], %[[SMALL]]
// CHECK-NEXT:      effattn.yield %[[MASK]]
func.func @smaller_window_decides(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %small = effattn.window_mask {size = 3}
    %large = effattn.window_mask {size = 4}
    %again = effattn.causal_mask
    %mask = effattn.mask_and %causal, %large, %small, %again
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @larger_count_decides
// CHECK-SAME:    %[[STARTS:[a-z0-9]+]]: tensor<?xi32>
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[MORE:.*]] = effattn.initial_mask starts(%[[STARTS]] : tensor<?xi32>) {count = 4 : i64}
// CHECK-NEXT:      effattn.yield %[[MORE]]
func.func @larger_count_decides(%starts: tensor<?xi32>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %more = effattn.initial_mask starts(%starts : tensor<?xi32>) {count = 4}
    %fewer = effattn.initial_mask starts(%starts : tensor<?xi32>) {count = 2}
    %mask = effattn.mask_or %fewer, %more
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// Rows start elsewhere, so neither count says anything about the other.
// CHECK-LABEL: @counts_from_other_starts
// CHECK:           effattn.mask_or %{{.*}}, %{{.*}}
func.func @counts_from_other_starts(%starts: tensor<?xi32>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %more = effattn.initial_mask starts(%starts : tensor<?xi32>) {count = 4}
    %fewer = effattn.initial_mask {count = 2}
    %mask = effattn.mask_or %fewer, %more
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @separators_are_causal
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[SEPARATORS:.*]] = effattn.separator_mask
// CHECK-NEXT:      effattn.yield %[[SEPARATORS]]
func.func @separators_are_causal(%flags: tensor<?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %separators = effattn.separator_mask %flags : tensor<?x?xi1> {initial = 1, window = 8}
    %mask = effattn.mask_and %causal, %separators
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @narrower_separators_are_inside
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      effattn.separator_mask %{{.*}} {initial = 2 : i64, window = 8 : i64}
// CHECK-NEXT:      effattn.yield
func.func @narrower_separators_are_inside(%flags: tensor<?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %wide = effattn.separator_mask %flags : tensor<?x?xi1> {initial = 2, window = 8}
    %narrow = effattn.separator_mask %flags : tensor<?x?xi1> {initial = 2, window = 4}
    %mask = effattn.mask_or %wide, %narrow
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// and(x, or(x, y)) is x.
// CHECK-LABEL: @absorbed
// CHECK-SAME:    %[[FLAGS:[a-z0-9]+]]: tensor<?x?x?x?xi1>
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[DENSE:.*]] = effattn.dense_mask %[[FLAGS]]
// CHECK-NEXT:      effattn.yield %[[DENSE]]
func.func @absorbed(%flags: tensor<?x?x?x?xi1>, %lengths: tensor<?xi64>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %dense = effattn.dense_mask %flags : tensor<?x?x?x?xi1>
    %inside = effattn.length_mask %lengths : tensor<?xi64>
    %either = effattn.mask_or %dense, %inside
    %mask = effattn.mask_and %dense, %either
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @contradiction_keeps_nothing
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[NONE:.*]] = effattn.mask_or nothing
// CHECK-NEXT:      effattn.yield %[[NONE]]
func.func @contradiction_keeps_nothing(%flags: tensor<?x?x?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %dense = effattn.dense_mask %flags : tensor<?x?x?x?xi1>
    %other = effattn.mask_not %dense
    %causal = effattn.causal_mask
    %mask = effattn.mask_and %dense, %causal, %other
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// A key behind the query is inside every window, so that the two cover all.
// CHECK-LABEL: @causal_or_window_is_full
// CHECK-NEXT:    effattn.materialize_mask outs(%{{.*}} : tensor<?x?x?x?xi1>){{$}}
// CHECK-NEXT:    return
func.func @causal_or_window_is_full(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 1}
    %mask = effattn.mask_or %causal, %window
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @empty_part_is_absorbed
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[CAUSAL:.*]] = effattn.causal_mask
// CHECK-NEXT:      effattn.yield %[[CAUSAL]]
func.func @empty_part_is_absorbed(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %initial = effattn.initial_mask {count = 0}
    %mask = effattn.mask_or %initial, %causal
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @negations_become_fewer
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[DENSE:.*]] = effattn.dense_mask
// CHECK-NEXT:      %[[DOCUMENT:.*]] = effattn.document_mask
// CHECK-NEXT:      %[[BOTH:.*]] = effattn.mask_and %[[DENSE]], %[[DOCUMENT]]
// CHECK-NEXT:      %[[MASK:.*]] = effattn.mask_not %[[BOTH]]
// CHECK-NEXT:      effattn.yield %[[MASK]]
func.func @negations_become_fewer(%flags: tensor<?x?x?x?xi1>, %q: tensor<?x?xi32>, %k: tensor<?x?xi32>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %dense = effattn.dense_mask %flags : tensor<?x?x?x?xi1>
    %document = effattn.document_mask %q, %k : tensor<?x?xi32>, tensor<?x?xi32>
    %a = effattn.mask_not %dense
    %b = effattn.mask_not %document
    %mask = effattn.mask_or %a, %b
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// CHECK-LABEL: @negation_around_moves_in
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      %[[INITIAL:.*]] = effattn.initial_mask
// CHECK-NEXT:      %[[DENSE:.*]] = effattn.dense_mask
// CHECK-NEXT:      %[[MASK:.*]] = effattn.mask_or %[[INITIAL]], %[[DENSE]]
// CHECK-NEXT:      effattn.yield %[[MASK]]
func.func @negation_around_moves_in(%flags: tensor<?x?x?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %initial = effattn.initial_mask {count = 2}
    %dense = effattn.dense_mask %flags : tensor<?x?x?x?xi1>
    %a = effattn.mask_not %initial
    %b = effattn.mask_not %dense
    %both = effattn.mask_and %a, %b
    %mask = effattn.mask_not %both
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// A negation around all three would hide the columns of the initial mask.
// CHECK-LABEL: @columns_stay_in_sight
// CHECK:           effattn.mask_or %{{.*}}, %{{.*}}, %{{.*}}
// CHECK-NEXT:      effattn.yield
func.func @columns_stay_in_sight(%flags: tensor<?x?x?x?xi1>, %other: tensor<?x?x?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %initial = effattn.initial_mask {count = 2}
    %dense = effattn.dense_mask %flags : tensor<?x?x?x?xi1>
    %denser = effattn.dense_mask %other : tensor<?x?x?x?xi1>
    %a = effattn.mask_not %dense
    %b = effattn.mask_not %denser
    %mask = effattn.mask_or %initial, %a, %b
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// -----

// The last query is at position 7, whatever key_lengths and lengths say.
// CHECK-LABEL: @window_over_all_keys
// CHECK-NEXT:    effattn.attention
// CHECK-NEXT:      %[[CAUSAL:.*]] = effattn.causal_mask
// CHECK-NEXT:      effattn.yield %[[CAUSAL]]
func.func @window_over_all_keys(%q: tensor<2x1x4x4xf32>, %k: tensor<2x1x8x4xf32>, %v: tensor<2x1x8x4xf32>,
    %lengths: tensor<2xi32>, %key_lengths: tensor<2xi32>, %out: tensor<2x1x4x4xf32>) -> tensor<2x1x4x4xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<2x1x4x4xf32>, tensor<2x1x8x4xf32>, tensor<2x1x8x4xf32>)
    lengths(%lengths : tensor<2xi32>) key_lengths(%key_lengths : tensor<2xi32>) outs(%out : tensor<2x1x4x4xf32>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 8}
    %mask = effattn.mask_and %causal, %window
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<2x1x4x4xf32>
}

// -----

// CHECK-LABEL: @window_one_too_small
// CHECK:           effattn.window_mask
func.func @window_one_too_small(%keep: tensor<2x1x4x8xi1>) -> tensor<2x1x4x8xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<2x1x4x8xi1>) mask {
    %window = effattn.window_mask {size = 7}
    effattn.yield %window : !effattn.mask
  }
  return %0 : tensor<2x1x4x8xi1>
}

// -----

// Queries at 5 to 8: a window of 8 misses key 0 for the last of them.
// CHECK-LABEL: @window_and_constant_offset
// CHECK:           effattn.window_mask {size = 8 : i64}
// CHECK-NOT:       effattn.window_mask
func.func @window_and_constant_offset(%keep: tensor<2x1x4x8xi1>) -> (tensor<2x1x4x8xi1>, tensor<2x1x4x8xi1>) {
  %offset = arith.constant 5 : i64
  %0 = effattn.materialize_mask offset(%offset : i64) outs(%keep : tensor<2x1x4x8xi1>) mask {
    %window = effattn.window_mask {size = 8}
    effattn.yield %window : !effattn.mask
  }
  %1 = effattn.materialize_mask offset(%offset : i64) outs(%keep : tensor<2x1x4x8xi1>) mask {
    %window = effattn.window_mask {size = 9}
    effattn.yield %window : !effattn.mask
  }
  return %0, %1 : tensor<2x1x4x8xi1>, tensor<2x1x4x8xi1>
}

// -----

// The positions of so many queries behind so large an offset do not fit into 64 bits: nothing is known of them.
// CHECK-LABEL: @positions_that_overflow
// CHECK:           effattn.causal_mask
func.func @positions_that_overflow(%keep: memref<1x1x9223372036854775807x8xi1>) {
  %offset = arith.constant 1152921504606846976 : i64
  effattn.materialize_mask offset(%offset : i64) outs(%keep : memref<1x1x9223372036854775807x8xi1>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return
}

// -----

// CHECK-LABEL: @offset_decides_at_run_time
// CHECK:           effattn.window_mask
func.func @offset_decides_at_run_time(%offset: i64, %keep: tensor<2x1x4x8xi1>) -> tensor<2x1x4x8xi1> {
  %0 = effattn.materialize_mask offset(%offset : i64) outs(%keep : tensor<2x1x4x8xi1>) mask {
    %window = effattn.window_mask {size = 1000}
    effattn.yield %window : !effattn.mask
  }
  return %0 : tensor<2x1x4x8xi1>
}

// -----

// One query, which comes last: no key is behind it, however many there are.
// CHECK-LABEL: @one_query_is_causal
// CHECK-NEXT:    effattn.attention
// CHECK-NOT:       mask
// CHECK:         return
func.func @one_query_is_causal(%q: tensor<?x4x1x4xf32>, %k: tensor<?x2x?x4xf32>, %v: tensor<?x2x?x4xf32>,
    %key_lengths: tensor<?xi32>, %out: tensor<?x4x1x4xf32>) -> tensor<?x4x1x4xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<?x4x1x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>)
    key_lengths(%key_lengths : tensor<?xi32>) outs(%out : tensor<?x4x1x4xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<?x4x1x4xf32>
}

// -----

// CHECK-LABEL: @positions_of_keys_are_unknown
// CHECK:           effattn.causal_mask
func.func @positions_of_keys_are_unknown(%q: tensor<?x4x1x4xf32>, %k: tensor<?x2x8x4xf32>, %v: tensor<?x2x8x4xf32>,
    %positions: tensor<?x8xi64>, %out: tensor<?x4x1x4xf32>) -> tensor<?x4x1x4xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<?x4x1x4xf32>, tensor<?x2x8x4xf32>, tensor<?x2x8x4xf32>)
    key_positions(%positions : tensor<?x8xi64>) outs(%out : tensor<?x4x1x4xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<?x4x1x4xf32>
}

// -----

// CHECK-LABEL: @initial_keys_are_all_keys
// CHECK-NEXT:    effattn.materialize_mask outs(%{{.*}} : tensor<2x1x4x8xi1>){{$}}
// CHECK-NEXT:    return
func.func @initial_keys_are_all_keys(%keep: tensor<2x1x4x8xi1>) -> tensor<2x1x4x8xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<2x1x4x8xi1>) mask {
    %initial = effattn.initial_mask {count = 8}
    effattn.yield %initial : !effattn.mask
  }
  return %0 : tensor<2x1x4x8xi1>
}

// -----

// CHECK-LABEL: @separators_decide_nothing
// CHECK-NEXT:    effattn.materialize_mask
// CHECK-NEXT:      effattn.causal_mask
// CHECK-NEXT:      effattn.yield
func.func @separators_decide_nothing(%flags: tensor<2x8xi1>, %keep: tensor<2x1x4x8xi1>) -> tensor<2x1x4x8xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<2x1x4x8xi1>) mask {
    %separators = effattn.separator_mask %flags : tensor<2x8xi1> {initial = 0, window = 8}
    effattn.yield %separators : !effattn.mask
  }
  return %0 : tensor<2x1x4x8xi1>
}

// -----

// Padding keys stay out, which a causal mask would not see to.
// CHECK-LABEL: @separators_after_padding
// CHECK:           effattn.separator_mask
func.func @separators_after_padding(%flags: tensor<2x8xi1>, %starts: tensor<2xi32>, %keep: tensor<2x1x4x8xi1>) -> tensor<2x1x4x8xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<2x1x4x8xi1>) mask {
    %separators = effattn.separator_mask %flags : tensor<2x8xi1> starts(%starts : tensor<2xi32>) {initial = 0, window = 8}
    effattn.yield %separators : !effattn.mask
  }
  return %0 : tensor<2x1x4x8xi1>
}

// -----

// What nothing uses goes.
// CHECK-LABEL: @unused
// CHECK-NEXT:    return
func.func @unused(%lengths: tensor<1xi32>, %keep: tensor<1x1x1x1xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x1x1xi1>) mask {
    %inside = effattn.length_mask %lengths : tensor<1xi32>
    effattn.yield %inside : !effattn.mask
  }
  return
}
