// RUN: effattn-opt %s -effattn-insert-checks -canonicalize -cse | FileCheck %s

// C2, C3: every row has room for its own new tokens.
// CHECK-LABEL: @append_within_capacity
// CHECK-SAME:    %[[LENGTHS:[a-z0-9]+]]: tensor<2xi32>, %[[LENGTH:[a-z0-9]+]]: tensor<2xi64>
// CHECK:         scf.for %[[ROW:.*]] = %c0 to %c2
// CHECK:         scf.for %[[ROW:.*]] = %c0 to %c2
// CHECK:           %[[NEW:.*]] = tensor.extract %[[LENGTHS]][%[[ROW]]]
// CHECK:           %[[TOKENS:.*]] = arith.index_cast %[[NEW]]
// CHECK:           %[[OLD:.*]] = tensor.extract %[[LENGTH]][%[[ROW]]]
// CHECK:           %[[USED:.*]] = arith.index_cast %[[OLD]]
// CHECK:           effattn.check %{{.*}}, "'effattn.kv_cache_append' op expected length of row {0} to be between 0 and the cache size {1}, but got {2}"(%[[ROW]], %c9, %[[USED]] :
// CHECK:           %[[SUM:.*]] = arith.addi %[[USED]], %[[TOKENS]]
// CHECK:           %[[OK:.*]] = arith.cmpi sle, %[[SUM]], %c9
// CHECK:           effattn.check %[[OK]], "'effattn.kv_cache_append' op expected length + new tokens to be at most {0} (N), but got {1} + {2} = {3} in row {4}"(%c9, %[[USED]], %[[TOKENS]], %[[SUM]], %[[ROW]] :
// CHECK:         effattn.kv_cache_append
func.func @append_within_capacity(%lengths: tensor<2xi32>, %length: tensor<2xi64>, %k: tensor<2x4x3x8xf32>, %v: tensor<2x4x3x6xf32>,
    %keys: tensor<2x4x9x8xf32>, %values: tensor<2x4x9x6xf32>) -> tensor<2xi64> {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<2x4x3x8xf32>, tensor<2x4x3x6xf32>) lengths(%lengths : tensor<2xi32>)
    outs(%keys, %values, %length : tensor<2x4x9x8xf32>, tensor<2x4x9x6xf32>, tensor<2xi64>)
  return %0#2 : tensor<2xi64>
}

// C1, C2, C4: a ring is never full, but its length must be countable.
// CHECK-LABEL: @append_to_a_ring
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected k token count (dim 2) to be at most keys cache size (dim 2) in a ring, but got {0} and {1}"(%{{.*}}, %c9 :
// CHECK:         scf.for
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length of row {0} to be at least 0, but got {1}"
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length + new tokens to be at most {0}, but got {1} + {2} in row {3}"(%c2147483647,
// CHECK-NOT:     effattn.check
func.func @append_to_a_ring(%k: memref<2x4x?x8xf32>, %v: memref<2x4x?x6xf32>, %keys: memref<2x4x9x8xf32>,
    %values: memref<2x4x9x6xf32>, %length: memref<2xi32>) {
  effattn.kv_cache_append ins(%k, %v : memref<2x4x?x8xf32>, memref<2x4x?x6xf32>)
    outs(%keys, %values, %length : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2xi32>) {ring = true}
  return
}

// C3, C4, C5, C6.
// CHECK-LABEL: @append_separators
// CHECK-SAME:    %[[KEYS:[a-z0-9]+]]: memref<2x4x?x8xf32>
// CHECK:         %[[ENTRIES:.*]] = memref.dim %[[KEYS]], %c2
// CHECK:         effattn.check %{{.*}}, "'effattn.separator_cache_append' op expected keys cache size (dim 2) to be at least capacity + 1, but got {0} with capacity {1}"(%[[ENTRIES]], %c8 :
// CHECK:         scf.for %[[ROW:.*]] = %c0 to
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length of row {0} to be between 0 and the cache size {1}, but got {2}"(%[[ROW]], %[[ENTRIES]],
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected separator_end of row {0} to be 0 or between {1} and {2}, but got {3}"(%[[ROW]], %c1, %c3,
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length + new tokens to be at most {0} (N), but got {1} + {2} = {3} in row {4}"
func.func @append_separators(%keys: memref<2x4x?x8xf32>, %k: memref<2x4x5x8xf32>, %v: memref<2x4x5x6xf32>, %flags: memref<2x5xi1>,
    %values: memref<2x4x?x6xf32>, %kept: memref<2x?xi1>, %length: memref<2xi32>, %end: memref<2xi32>) {
  effattn.separator_cache_append ins(%k, %v, %flags : memref<2x4x5x8xf32>, memref<2x4x5x6xf32>, memref<2x5xi1>)
    outs(%keys, %values, %kept, %length, %end : memref<2x4x?x8xf32>, memref<2x4x?x6xf32>, memref<2x?xi1>, memref<2xi32>, memref<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return
}

// C4, C5.
// CHECK-LABEL: @compact
// CHECK-NOT:     capacity
// CHECK:         scf.for
// CHECK:           effattn.check %{{.*}}, "'effattn.separator_cache_compact' op expected length of row {0} to be between
// CHECK:           effattn.check %{{.*}}, "'effattn.separator_cache_compact' op expected separator_end of row {0} to be 0 or between {1} and {2}, but got {3}"
// CHECK-NOT:       effattn.check
func.func @compact(%keys: tensor<2x4x9x8xf32>, %values: tensor<2x4x9x6xf32>, %kept: tensor<2x9xi1>, %length: tensor<2xi32>,
    %end: tensor<2xi32>) -> tensor<2xi32> {
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<2x4x9x8xf32>, tensor<2x4x9x6xf32>, tensor<2x9xi1>, tensor<2xi32>, tensor<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<2xi32>
}

// C3 of a size that only run time knows.
// CHECK-LABEL: @compact_few_entries
// CHECK:         effattn.check %{{.*}}, "'effattn.separator_cache_compact' op expected keys cache size (dim 2) to be at least capacity + 1, but got {0} with capacity {1}"
func.func @compact_few_entries(%keys: tensor<2x4x?x8xf32>, %values: tensor<2x4x?x6xf32>, %kept: tensor<2x?xi1>, %length: tensor<2xi32>,
    %end: tensor<2xi32>) -> tensor<2xi32> {
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<2x4x?x8xf32>, tensor<2x4x?x6xf32>, tensor<2x?xi1>, tensor<2xi32>, tensor<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<2xi32>
}

// C1, C3, C4.
// CHECK-LABEL: @attend
// CHECK:         effattn.check %{{.*}}, "'effattn.cache_attention' op expected key heads (dim 1) to divide query heads (dim 1), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "'effattn.cache_attention' op expected rope_dims to be even, but got {0}"
// CHECK:         scf.for
// CHECK:           effattn.check %{{.*}}, "'effattn.cache_attention' op expected length of row {0} to be between 0 and the cache size {1}, but got {2}"
func.func @attend(%q: memref<2x?x3x?xf32>, %keys: memref<2x2x9x?xf32>, %values: memref<2x2x9x6xf32>, %flags: memref<2x9xi1>,
    %length: memref<2xi32>, %end: memref<2xi32>, %out: memref<2x?x3x6xf32>) {
  effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : memref<2x?x3x?xf32>, memref<2x2x9x?xf32>, memref<2x2x9x6xf32>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    outs(%out : memref<2x?x3x6xf32>)
  return
}

// Where nothing rotates, any head size will do.
// CHECK-LABEL: @attend_rotated
// CHECK-NOT:     rope_dims
// CHECK:         effattn.cache_attention
func.func @attend_rotated(%q: memref<2x2x3x?xf32>, %keys: memref<2x2x9x?xf32>, %values: memref<2x2x9x6xf32>, %flags: memref<2x9xi1>,
    %length: memref<2xi32>, %end: memref<2xi32>, %out: memref<2x2x3x6xf32>) {
  effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : memref<2x2x3x?xf32>, memref<2x2x9x?xf32>, memref<2x2x9x6xf32>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    outs(%out : memref<2x2x3x6xf32>) {positions = #effattn.positions<absolute>}
  return
}

// C4, C5, C6, C8, C10: a row needs room for one token.
// CHECK-LABEL: @update
// CHECK-SAME:    %[[LENGTHS:[a-z0-9]+]]: memref<2xi32>
// CHECK:         effattn.check %{{.*}}, "'effattn.separator_cache_update' op expected key heads (dim 1) to divide query heads (dim 1), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "'effattn.separator_cache_update' op expected rope_dims to be even, but got {0}"
// CHECK:         scf.for %[[ROW:.*]] = %c0 to
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length of row {0} to be between 0 and the cache size {1}, but got {2}"
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected separator_end of row {0} to be 0 or between {1} and {2}, but got {3}"
// CHECK:           %[[NEW:.*]] = memref.load %[[LENGTHS]][%[[ROW]]]
// CHECK:           %[[ALL:.*]] = arith.index_cast %[[NEW]]
// CHECK:           %[[FIRST:.*]] = arith.minsi %[[ALL]], %c1
// CHECK:           %[[SUM:.*]] = arith.addi %{{.*}}, %[[FIRST]]
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length + new tokens to be at most {0} (N), but got {1} + {2} = {3} in row {4}"
func.func @update(%lengths: memref<2xi32>, %k: memref<2x2x3x?xf32>, %v: memref<2x2x3x6xf32>, %flags: memref<2x3xi1>, %q: memref<2x?x3x?xf32>,
    %keys: memref<2x2x9x?xf32>, %values: memref<2x2x9x6xf32>, %kept: memref<2x9xi1>, %length: memref<2xi32>, %end: memref<2xi32>,
    %out: memref<2x?x3x6xf32>) {
  effattn.separator_cache_update ins(%k, %v, %flags : memref<2x2x3x?xf32>, memref<2x2x3x6xf32>, memref<2x3xi1>)
    q(%q : memref<2x?x3x?xf32>) lengths(%lengths : memref<2xi32>)
    outs(%keys, %values, %kept, %length, %end, %out
      : memref<2x2x9x?xf32>, memref<2x2x9x6xf32>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>, memref<2x?x3x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>, prefill = #effattn.prefill<stepwise>}
  return
}

// C6: or for all, where it is taken whole.
// CHECK-LABEL: @update_whole_rows
// CHECK-SAME:    %[[LENGTHS:[a-z0-9]+]]: memref<2xi32>
// CHECK:           %[[NEW:.*]] = memref.load %[[LENGTHS]][%[[ROW:.*]]]
// CHECK:         separator_end
// CHECK:           %[[NEW:.*]] = memref.load %[[LENGTHS]][%[[ROW:.*]]]
// CHECK:           %[[ALL:.*]] = arith.index_cast %[[NEW]]
// CHECK:           %[[FIRST:.*]] = arith.minsi %[[ALL]], %c1
// CHECK:           %[[EMPTY:.*]] = arith.cmpi eq, %{{.*}}, %c0
// CHECK:           arith.select %[[EMPTY]], %[[ALL]], %[[FIRST]]
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected length + new tokens to be at most {0} (N), but got {1} + {2} = {3} in row {4}"
func.func @update_whole_rows(%lengths: memref<2xi32>, %k: memref<2x2x3x?xf32>, %v: memref<2x2x3x6xf32>, %flags: memref<2x3xi1>, %q: memref<2x?x3x?xf32>,
    %keys: memref<2x2x9x?xf32>, %values: memref<2x2x9x6xf32>, %kept: memref<2x9xi1>, %length: memref<2xi32>, %end: memref<2xi32>,
    %out: memref<2x?x3x6xf32>) {
  effattn.separator_cache_update ins(%k, %v, %flags : memref<2x2x3x?xf32>, memref<2x2x3x6xf32>, memref<2x3xi1>)
    q(%q : memref<2x?x3x?xf32>) lengths(%lengths : memref<2xi32>)
    outs(%keys, %values, %kept, %length, %end, %out
      : memref<2x2x9x?xf32>, memref<2x2x9x6xf32>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>, memref<2x?x3x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>, prefill = #effattn.prefill<whole>}
  return
}

// C3 of a size that only run time knows.
// CHECK-LABEL: @update_few_entries
// CHECK:         effattn.check %{{.*}}, "'effattn.separator_cache_update' op expected keys cache size (dim 2) to be at least capacity + 1, but got {0} with capacity {1}"
func.func @update_few_entries(%k: memref<2x2x3x8xf32>, %v: memref<2x2x3x6xf32>, %flags: memref<2x3xi1>,
    %keys: memref<2x2x?x8xf32>, %values: memref<2x2x?x6xf32>, %kept: memref<2x?xi1>, %length: memref<2xi32>, %end: memref<2xi32>) {
  effattn.separator_cache_update ins(%k, %v, %flags : memref<2x2x3x8xf32>, memref<2x2x3x6xf32>, memref<2x3xi1>)
    outs(%keys, %values, %kept, %length, %end : memref<2x2x?x8xf32>, memref<2x2x?x6xf32>, memref<2x?xi1>, memref<2xi32>, memref<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return
}
