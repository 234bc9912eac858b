// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s
// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse \
// RUN:   -one-shot-bufferize="bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map" \
// RUN:   -canonicalize -cse -canonicalize | FileCheck %s --check-prefix=BUFFERS

// Heads in parallel, each its new tokens; lengths change after all have read them.
// CHECK-LABEL: @append
// CHECK:         scf.forall (%[[ROW:.*]], %[[HEAD:.*]]) in
// CHECK:           scf.for %[[TOKEN:.*]] = %c0 to
// CHECK:             %[[ENTRY:.*]] = arith.addi %{{.*}}, %[[TOKEN]]
// CHECK:             scf.for %[[COLUMN:.*]] = %c0 to
// CHECK:               %[[NEW:.*]] = tensor.extract %{{.*}}[%[[ROW]], %[[HEAD]], %[[TOKEN]], %[[COLUMN]]]
// CHECK:               %[[ROUNDED:.*]] = arith.truncf %[[NEW]] : f32 to bf16
// CHECK:               tensor.insert %[[ROUNDED]] into %{{.*}}[%[[ENTRY]], %[[COLUMN]]]
// CHECK:         linalg.generic
// CHECK:           arith.addi

// Nothing but new entries is written: no cache is copied.
// BUFFERS-LABEL: @append
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @append(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xbf16>, %values: tensor<?x?x?x?xf32>,
    %length: tensor<?xi32>) -> (tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi32>) {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%keys, %values, %length : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi32>)
  return %0#0, %0#1, %0#2 : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi32>
}

// CHECK-LABEL: @append_to_a_ring
// CHECK:         %[[FIRST:.*]] = arith.remsi
// CHECK:         %[[ENTRY:.*]] = arith.addi %[[FIRST]]
// CHECK:         %[[WRAPPED:.*]] = arith.subi %[[ENTRY]]
// CHECK:         arith.select %{{.*}}, %[[ENTRY]], %[[WRAPPED]]
func.func @append_to_a_ring(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>,
    %length: tensor<?xi32>) -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?xi32>) {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%keys, %values, %length : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?xi32>) {ring = true}
  return %0#0, %0#1, %0#2 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?xi32>
}

// Heads read lengths, which change only then.
// CHECK-LABEL: @append_separators
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in
// CHECK:         scf.forall (%{{.*}}) in
// CHECK:           tensor.insert %{{.*}} into %{{.*}} : tensor<?xi1>
// CHECK:           tensor.insert %{{.*}} into %{{.*}}[] : tensor<i32>

// BUFFERS-LABEL: @append_separators
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @append_separators(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>)
    -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>) {
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>
}

// Count the separators that left the window, move old ones, those, and the window.
// CHECK-LABEL: @compact
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in
// CHECK:           %[[DUE:.*]] = arith.cmpi sgt, %{{.*}}, %c324
// CHECK:           scf.if %[[DUE]]
// CHECK:             scf.for
// CHECK:             %[[KEPT:.*]] = arith.minsi %{{.*}}, %c64
// CHECK-COUNT-6:     scf.for
// CHECK:         scf.forall (%{{.*}}) in
// CHECK:           arith.cmpi sgt, %{{.*}}, %c324

// BUFFERS-LABEL: @compact
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @compact(%keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>)
    -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>) {
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>
}

// Trigonometry once a pair, then turns from slot to slot; every key turns once,
// whatever the number of queries.
// CHECK-LABEL: @attend
// CHECK:         scf.for
// CHECK:           math.cos {{.*}} : f64
// CHECK:           math.sin {{.*}} : f64
// CHECK-NOT:     math.cos
// CHECK:         scf.forall (%{{.*}}, %[[HEAD:.*]]) in
// CHECK:           %[[READY:.*]] = scf.for %[[SLOT:.*]] = %c0 to
// CHECK:             tensor.insert_slice {{.*}}[%[[SLOT]], 0]
// CHECK:           scf.for %[[TOKEN:.*]] = %c0 to
// CHECK:             math.exp

// Buffers of a key head, no copy of the cache.
// BUFFERS-LABEL: @attend
// BUFFERS-NOT:     memref.copy
// BUFFERS:         scf.forall
// BUFFERS-COUNT-5:   memref.alloc
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @attend(%q: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x?x?x?xf32>)
  return %0 : tensor<?x?x?x?xf32>
}

// f32 that does not rotate is read where it lies.
// CHECK-LABEL: @attend_rotated
// CHECK-NOT:     math.cos
// BUFFERS-LABEL: @attend_rotated
// BUFFERS-COUNT-3: memref.alloc
// BUFFERS-NOT:     memref.alloc
// BUFFERS:         return
func.func @attend_rotated(%q: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x?x?x?xf32>) {positions = #effattn.positions<absolute>}
  return %0 : tensor<?x?x?x?xf32>
}

// Sizes known to be 0 are never cut out.
// CHECK-LABEL: @attend_without_columns
// CHECK:         scf.forall
func.func @attend_without_columns(%q: tensor<2x2x3x0xf32>, %keys: tensor<2x1x9x0xf32>, %values: tensor<2x1x9x4xf32>, %flags: tensor<2x9xi1>,
    %length: tensor<2xi32>, %end: tensor<2xi32>, %out: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %0 = effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : tensor<2x2x3x0xf32>, tensor<2x1x9x0xf32>, tensor<2x1x9x4xf32>, tensor<2x9xi1>, tensor<2xi32>, tensor<2xi32>)
    outs(%out : tensor<2x2x3x4xf32>)
  return %0 : tensor<2x2x3x4xf32>
}

// A token is appended, its key rotated, its query attends, then the row is
// compacted if due; flags of a head's own say how.
// CHECK-LABEL: @update
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in
// CHECK:           scf.for %[[TOKEN:.*]] = %c0 to
// CHECK:             tensor.insert
// CHECK:             math.exp
// CHECK:             %[[DUE:.*]] = arith.cmpi sgt, %{{.*}}, %c324
// CHECK:             %[[STEPS:.*]] = arith.select %[[DUE]], %c1, %c0
// CHECK:             scf.for %{{.*}} = %c0 to %[[STEPS]]
// CHECK:         scf.forall (%{{.*}}) in
// CHECK:           arith.cmpi sgt, %{{.*}}, %c324

// Tables, then flags and buffers of a key head; the state stays where it is.
// BUFFERS-LABEL: @update
// BUFFERS:         scf.forall
// BUFFERS-COUNT-6:   memref.alloc
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @update(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %q: tensor<?x?x?x?xf32>, %out: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>,
    %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>)
    -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>) {
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>) q(%q : tensor<?x?x?x?xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>
}

// CHECK-LABEL: @update_before_attention
// CHECK:         scf.forall
// CHECK:           arith.cmpi sge, %{{.*}}, %c324
// CHECK:           math.exp
func.func @update_before_attention(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %q: tensor<?x?x?x?xf32>, %out: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>,
    %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>)
    -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>) {
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>) q(%q : tensor<?x?x?x?xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xf32>
}

// Flags in memory of their own, nothing else.
// CHECK-LABEL: @update_without_queries
// CHECK-NOT:     math
// BUFFERS-LABEL: @update_without_queries
// BUFFERS:         memref.alloc
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @update_without_queries(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>,
    %keys: tensor<?x?x?x?xf32>, %values: tensor<?x?x?x?xf32>,
    %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>)
    -> (tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>) {
  %0:5 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>) 
    outs(%keys, %values, %kept, %length, %end : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4 : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>
}

// One token of one row with one key head: all loops around the token fold away.
// No lane of the cache is copied.
// CHECK-LABEL: @update_one_row
// CHECK-NOT:     scf.forall
// BUFFERS-LABEL: @update_one_row
// BUFFERS-NOT:     memref.copy
// BUFFERS-NOT:     memref<325x16xf32>
// BUFFERS:         return
func.func @update_one_row(%k: tensor<1x1x1x16xf32>, %v: tensor<1x1x1x16xf32>, %flags: tensor<1x1xi1>, %q: tensor<1x4x1x16xf32>,
    %keys: tensor<1x1x325x16xf32>, %values: tensor<1x1x325x16xf32>, %kept: tensor<1x325xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>,
    %out: tensor<1x4x1x16xf32>)
    -> (tensor<1x1x325x16xf32>, tensor<1x1x325x16xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x1x16xf32>) {
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x1x1x16xf32>, tensor<1x1x1x16xf32>, tensor<1x1xi1>)
    q(%q : tensor<1x4x1x16xf32>) outs(%keys, %values, %kept, %length, %end, %out
      : tensor<1x1x325x16xf32>, tensor<1x1x325x16xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x1x16xf32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %0#0, %0#1, %0#2, %0#3, %0#4, %0#5
    : tensor<1x1x325x16xf32>, tensor<1x1x325x16xf32>, tensor<1x325xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x1x16xf32>
}

// Sizes known to be 0 are never cut out, and nobody attends to write nothing.
// CHECK-LABEL: @update_without_columns
// CHECK-NOT:     math.exp
// CHECK:         scf.forall (%{{.*}}) in (2)
func.func @update_without_columns(%k: tensor<2x1x3x0xf32>, %flags: tensor<2x3xi1>, %q: tensor<2x2x3x0xf32>,
    %out: tensor<2x2x3x0xf32>, %keys: tensor<2x1x5x0xf32>, %kept: tensor<2x5xi1>, %length: tensor<2xi32>, %end: tensor<2xi32>)
    -> (tensor<2x1x5x0xf32>, tensor<2xi32>, tensor<2x2x3x0xf32>) {
  %0:6 = effattn.separator_cache_update ins(%k, %k, %flags : tensor<2x1x3x0xf32>, tensor<2x1x3x0xf32>, tensor<2x3xi1>)
    q(%q : tensor<2x2x3x0xf32>)
    outs(%keys, %keys, %kept, %length, %end, %out : tensor<2x1x5x0xf32>, tensor<2x1x5x0xf32>, tensor<2x5xi1>, tensor<2xi32>,
      tensor<2xi32>, tensor<2x2x3x0xf32>)
    {initial = 1, separators = 1, window = 1, capacity = 4, when = #effattn.when<after_attention>}
  return %0#0, %0#3, %0#5 : tensor<2x1x5x0xf32>, tensor<2xi32>, tensor<2x2x3x0xf32>
}
