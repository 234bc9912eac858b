// RUN: effattn-opt %s -effattn-fuse-separator-cache | FileCheck %s
// RUN: effattn-opt %s -effattn-fuse-separator-cache -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK:      [Passed] separator-cache
// REMARK-SAME: append, attention and compaction are one step
// CHECK-LABEL: @compact_after_attention
// CHECK-NEXT:    %[[R:.*]]:6 = effattn.separator_cache_update ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x1x8xf32>, {{.*}}) q(%{{.*}} : tensor<?x4x1x8xf32>)
// CHECK-SAME:      {capacity = 324 : i64, initial = 4 : i64, rope_base = 1.000000e+02 : f64, rope_dims = 2 : i64, rope_layout = #effattn.rope_layout<interleaved>,
// CHECK-SAME:       scale = 2.500000e-01 : f64, separators = 64 : i64, when = #effattn.when<after_attention>, window = 224 : i64}
// CHECK-NEXT:    return %[[R]]#0, %[[R]]#1, %[[R]]#2, %[[R]]#3, %[[R]]#4, %[[R]]#5
func.func @compact_after_attention(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
    {scale = 0.25, rope_base = 100.0, rope_dims = 2, rope_layout = #effattn.rope_layout<interleaved>}
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Passed] separator-cache
// CHECK-LABEL: @compact_before_attention
// CHECK-NEXT:    %[[R:.*]]:6 = effattn.separator_cache_update
// CHECK-SAME:      positions = #effattn.positions<absolute>, {{.*}} when = #effattn.when<before_attention>
// CHECK-NEXT:    return %[[R]]#0, %[[R]]#1, %[[R]]#2, %[[R]]#3, %[[R]]#4, %[[R]]#5
func.func @compact_before_attention(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  %o = effattn.cache_attention ins(%q, %c#0, %c#1, %c#2, %c#3, %c#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>) {positions = #effattn.positions<absolute>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// The state that the queries see is the one before the compaction, wherever that
// is written; those who ask for sizes are no users.
// REMARK:      [Passed] separator-cache
// CHECK-LABEL: @compaction_written_first
// CHECK-SAME:    %[[KEYS:[a-z0-9]+]]: tensor<?x2x?x8xf32>, %{{[a-z0-9]+}}: tensor<?x2x?x4xf32>, %[[KEPT:[a-z0-9]+]]: tensor<?x?xi1>
// CHECK:         tensor.dim %[[KEYS]]
// CHECK:         tensor.dim %[[KEPT]]
// CHECK:         linalg.exp
// CHECK-NEXT:    effattn.separator_cache_update
// CHECK-NEXT:    return
func.func @compaction_written_first(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q0: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>, index) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %c#0, %c0 : tensor<?x2x?x8xf32>
  %slots = tensor.dim %a#2, %c0 : tensor<?x?xi1>
  %e = tensor.empty(%rows) : tensor<?x4x1x4xf32>
  %p = linalg.exp ins(%q0 : tensor<?x4x1x8xf32>) outs(%q0 : tensor<?x4x1x8xf32>) -> tensor<?x4x1x8xf32>
  %o = effattn.cache_attention ins(%p, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%e : tensor<?x4x1x4xf32>)
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o, %slots : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>, index
}

// REMARK:      [Passed] separator-cache
// CHECK-LABEL: @attention_result_used_before_the_compaction
// CHECK-NEXT:    %[[R:.*]]:6 = effattn.separator_cache_update
// CHECK-NEXT:    arith.negf %[[R]]#5
func.func @attention_result_used_before_the_compaction(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %s = arith.negf %o : tensor<?x4x1x4xf32>
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %s : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: append and compaction have other attributes
// CHECK-LABEL: @other_capacity
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @other_capacity(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 323, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the compaction stands behind the attention, but `when` says before
// CHECK-LABEL: @compaction_later_than_when
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @compaction_later_than_when(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the compaction stands before the attention, but `when` says after
// CHECK-LABEL: @compaction_earlier_than_when
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @compaction_earlier_than_when(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %c#0, %c#1, %c#2, %c#3, %c#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: it is not known that there is one token, and several would be compacted once, not one by one
// CHECK-LABEL: @two_tokens
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @two_tokens(%k: tensor<?x2x2x8xf32>, %v: tensor<?x2x2x4xf32>, %flags: tensor<?x2xi1>, %q: tensor<?x4x2x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x2x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x2x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x2x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x2x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x2x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x2x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: it is not known that there is one token
// CHECK-LABEL: @dynamic_number_of_tokens
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @dynamic_number_of_tokens(%k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x4xf32>, %flags: tensor<?x?xi1>, %q: tensor<?x4x?x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x?x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x?x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: it is not known that there is one token
// CHECK-LABEL: @more_queries_than_tokens
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @more_queries_than_tokens(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x?x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x?x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x?x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x?x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: with lengths a row may have no new token, and is compacted here all the same
// CHECK-LABEL: @ragged_tokens
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @ragged_tokens(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>, %lengths: tensor<?xi32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>) lengths(%lengths : tensor<?xi32>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: with lengths a row may have no new token
// CHECK-LABEL: @ragged_queries
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @ragged_queries(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>, %lengths: tensor<?xi32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>) lengths(%lengths : tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the queries are of another type than the keys, in whose type the result would be
// CHECK-LABEL: @queries_of_another_type
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @queries_of_another_type(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xbf16>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xbf16>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xbf16>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xbf16>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xbf16>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xbf16>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the state between append and compaction has other uses
// CHECK-LABEL: @state_between_is_used
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @state_between_is_used(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %a#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the state between append and compaction has other uses
// REMARK:      [Missed] separator-cache
// REMARK-SAME: the state between append and compaction has other uses
// CHECK-LABEL: @two_attentions
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @two_attentions(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  %p = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>) outs(%o : tensor<?x4x1x4xf32>)
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %p : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the compacted state is used before the attention
// CHECK-LABEL: @queries_from_the_compacted_state
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @queries_from_the_compacted_state(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %c0 = arith.constant 0 : index
  %one = tensor.extract_slice %c#0[0, 0, 0, 0] [1, 1, 1, 1] [1, 1, 1, 1] : tensor<?x2x?x8xf32> to tensor<1x1x1x1xf32>
  %number = tensor.extract %one[%c0, %c0, %c0, %c0] : tensor<1x1x1x1xf32>
  %p = linalg.fill ins(%number : f32) outs(%q : tensor<?x4x1x8xf32>) -> tensor<?x4x1x8xf32>
  %o = effattn.cache_attention ins(%p, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK:      [Missed] separator-cache
// REMARK-SAME: the ops do not stand in one block
// CHECK-LABEL: @attention_in_a_branch
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @attention_in_a_branch(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %some = arith.constant true
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = scf.if %some -> tensor<?x4x1x4xf32> {
    %x = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
      outs(%out : tensor<?x4x1x4xf32>)
    scf.yield %x : tensor<?x4x1x4xf32>
  } else {
    scf.yield %out : tensor<?x4x1x4xf32>
  }
  %c:5 = effattn.separator_cache_compact outs(%a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// REMARK-NOT:  remark:
// CHECK-LABEL: @nothing_is_compacted
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @nothing_is_compacted(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %a:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x2x1x8xf32>, tensor<?x2x1x4xf32>, tensor<?x1xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %a#0, %a#1, %a#2, %a#3, %a#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  return %a#0, %a#1, %a#2, %a#3, %a#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}

// CHECK-LABEL: @nothing_is_appended
// CHECK-NOT:     effattn.separator_cache_update
// CHECK:         return
func.func @nothing_is_appended(%k: tensor<?x2x1x8xf32>, %v: tensor<?x2x1x4xf32>, %flags: tensor<?x1xi1>, %q: tensor<?x4x1x8xf32>,
    %keys: tensor<?x2x?x8xf32>, %values: tensor<?x2x?x4xf32>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>, %out: tensor<?x4x1x4xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>) {
  %c:5 = effattn.separator_cache_compact outs(%keys, %values, %kept, %length, %end : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  %o = effattn.cache_attention ins(%q, %c#0, %c#1, %c#2, %c#3, %c#4 : tensor<?x4x1x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>)
    outs(%out : tensor<?x4x1x4xf32>)
  return %c#0, %c#1, %c#2, %c#3, %c#4, %o : tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x4x1x4xf32>
}
