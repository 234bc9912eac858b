// RUN: effattn-opt %s -effattn-build-cache-kernels -canonicalize -cse | FileCheck %s
// RUN: effattn-opt %s -effattn-build-cache-kernels -effattn-build-attention-kernels | FileCheck %s --check-prefix=ATTEND

// A warp a token and head; lengths grow behind all copies.
// CHECK-LABEL: @append
// CHECK: function(@cache_append)
// CHECK: vector.load
// CHECK: vector.store
// CHECK: scf.parallel
func.func @append(%k: memref<?x8x?x64xbf16>, %v: memref<?x8x?x64xbf16>, %keys: memref<?x8x4096x64xbf16>,
    %values: memref<?x8x4096x64xbf16>, %length: memref<?xi32>) {
  effattn.kv_cache_append ins(%k, %v : memref<?x8x?x64xbf16>, memref<?x8x?x64xbf16>)
    outs(%keys, %values, %length : memref<?x8x4096x64xbf16>, memref<?x8x4096x64xbf16>, memref<?xi32>) {ring = true}
  return
}

// Entries are read, then a barrier, and then written.
// CHECK-LABEL: @compact
// CHECK: function(@cache_plan)
// CHECK: gpu.shuffle idx
// CHECK: function(@cache_move)
// CHECK-COUNT-8: memref.load {{.*}} : memref<?x8x325x64xbf16>
// CHECK: gpu.barrier
// CHECK-COUNT-8: memref.store {{.*}} : memref<?x8x325x64xbf16>
// CHECK: gpu.barrier
func.func @compact(%keys: memref<?x8x325x64xbf16>, %values: memref<?x8x325x64xbf16>, %kept: memref<?x325xi1>,
    %length: memref<?xi32>, %end: memref<?xi32>) {
  effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : memref<?x8x325x64xbf16>, memref<?x8x325x64xbf16>,
      memref<?x325xi1>, memref<?xi32>, memref<?xi32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return
}

// Turned queries and keys, in the type that tensor cores take.
// CHECK-LABEL: @decode
// CHECK: function(@rotary_turns)
// CHECK: function(@cache_queries)
// CHECK: function(@cache_keys)
// CHECK: effattn.attention ins({{.*}} : memref<?x?x?x64xbf16>, memref<?x?x?x64xbf16>, memref<?x8x325x64xbf16>)
// CHECK-SAME: key_lengths(
// CHECK-SAME: mask {
// CHECK: effattn.causal_mask
// ATTEND-LABEL: @decode
// ATTEND: function(@cache_keys)
// ATTEND: function(@attention)
// ATTEND: function(@attention_merge)
func.func @decode(%q: memref<?x32x1x64xbf16>, %keys: memref<?x8x325x64xbf16>, %values: memref<?x8x325x64xbf16>,
    %flags: memref<?x325xi1>, %length: memref<?xi32>, %end: memref<?xi32>, %out: memref<?x32x1x64xbf16>) {
  effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end : memref<?x32x1x64xbf16>,
      memref<?x8x325x64xbf16>, memref<?x8x325x64xbf16>, memref<?x325xi1>, memref<?xi32>, memref<?xi32>)
    outs(%out : memref<?x32x1x64xbf16>)
  return
}

// Nothing turns, so nothing is copied.
// CHECK-LABEL: @absolute
// CHECK-SAME: %[[Q:[a-z0-9]*]]: memref<?x32x1x64xf32>, %[[KEYS:[a-z0-9]*]]: memref<?x8x325x64xf32>, %[[VALUES:[a-z0-9]*]]: memref
// CHECK-NOT: gpu.launch
// CHECK: effattn.attention ins(%[[Q]], %[[KEYS]], %[[VALUES]]
func.func @absolute(%q: memref<?x32x1x64xf32>, %keys: memref<?x8x325x64xf32>, %values: memref<?x8x325x64xf32>,
    %flags: memref<?x325xi1>, %length: memref<?xi32>, %end: memref<?xi32>, %out: memref<?x32x1x64xf32>) {
  effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end : memref<?x32x1x64xf32>,
      memref<?x8x325x64xf32>, memref<?x8x325x64xf32>, memref<?x325xi1>, memref<?xi32>, memref<?xi32>)
    outs(%out : memref<?x32x1x64xf32>) {positions = #effattn.positions<absolute>}
  return
}

// One token takes one round, whose results need no copy.
// CHECK-LABEL: @step
// CHECK: function(@cache_append)
// CHECK: effattn.attention
// CHECK-NOT: function(@cache_results)
// CHECK: function(@cache_plan)
// CHECK: function(@cache_move)
func.func @step(%k: memref<?x8x1x64xbf16>, %v: memref<?x8x1x64xbf16>, %flags: memref<?x1xi1>, %q: memref<?x32x1x64xbf16>,
    %keys: memref<?x8x325x64xbf16>, %values: memref<?x8x325x64xbf16>, %kept: memref<?x325xi1>, %length: memref<?xi32>,
    %end: memref<?xi32>, %out: memref<?x32x1x64xbf16>) {
  effattn.separator_cache_update
    ins(%k, %v, %flags : memref<?x8x1x64xbf16>, memref<?x8x1x64xbf16>, memref<?x1xi1>) q(%q : memref<?x32x1x64xbf16>)
    outs(%keys, %values, %kept, %length, %end, %out : memref<?x8x325x64xbf16>, memref<?x8x325x64xbf16>,
      memref<?x325xi1>, memref<?xi32>, memref<?xi32>, memref<?x32x1x64xbf16>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<after_attention>}
  return
}

// With before_attention, a round begins with the token that fills the cache.
// CHECK-LABEL: @stream
// CHECK: %[[ROUNDS:.*]] = arith.ceildivui %{{.*}}, %c32
// CHECK: scf.for %{{.*}} = %c0 to %[[ROUNDS]]
// CHECK: function(@cache_append)
// CHECK: function(@cache_plan)
// CHECK: function(@cache_append)
// CHECK: effattn.attention
// CHECK: function(@cache_results)
func.func @stream(%k: memref<?x8x?x64xf32>, %v: memref<?x8x?x64xf32>, %flags: memref<?x?xi1>, %q: memref<?x32x?x64xf32>,
    %keys: memref<?x8x325x64xf32>, %values: memref<?x8x325x64xf32>, %kept: memref<?x325xi1>, %length: memref<?xi32>,
    %end: memref<?xi32>, %out: memref<?x32x?x64xf32>) {
  effattn.separator_cache_update
    ins(%k, %v, %flags : memref<?x8x?x64xf32>, memref<?x8x?x64xf32>, memref<?x?xi1>) q(%q : memref<?x32x?x64xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : memref<?x8x325x64xf32>, memref<?x8x325x64xf32>,
      memref<?x325xi1>, memref<?xi32>, memref<?xi32>, memref<?x32x?x64xf32>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  return
}
