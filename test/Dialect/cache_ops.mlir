// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @append_keys_and_values
// CHECK:         effattn.kv_cache_append ins(%{{.*}}, %{{.*}} : tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi64>) {ring = true}
func.func @append_keys_and_values(%k: tensor<?x?x?x?xf16>, %v: tensor<?x?x?x?xbf16>, %lengths: tensor<?xi32>,
    %keys: tensor<?x?x?x?xbf16>, %values: tensor<?x?x?x?xf32>, %length: tensor<?xi64>) -> tensor<?xi64> {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>) lengths(%lengths : tensor<?xi32>)
    outs(%keys, %values, %length : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xf32>, tensor<?xi64>) {ring = true}
  return %0#2 : tensor<?xi64>
}

// CHECK-LABEL: @append_keys_and_values_to_buffers
// CHECK:         effattn.kv_cache_append ins(%{{.*}}, %{{.*}} : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2xi32>){{$}}
func.func @append_keys_and_values_to_buffers(%k: memref<2x4x3x8xf32>, %v: memref<2x4x3x6xf32>,
    %keys: memref<2x4x9x8xf32>, %values: memref<2x4x9x6xf32>, %length: memref<2xi32>) {
  effattn.kv_cache_append ins(%k, %v : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>)
    outs(%keys, %values, %length : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2xi32>) {ring = false}
  return
}

// CHECK-LABEL: @append_separators
// CHECK:         effattn.separator_cache_append ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xf16>, tensor<?x?x?x?xf16>, tensor<?x?xi1>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi64>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi64>)
// CHECK-SAME:      {capacity = 324 : i64, initial = 4 : i64, separators = 64 : i64, when = #effattn.when<before_attention>, window = 224 : i64}
func.func @append_separators(%k: tensor<?x?x?x?xf16>, %v: tensor<?x?x?x?xf16>, %flags: tensor<?x?xi1>, %lengths: tensor<?xi64>,
    %keys: tensor<?x?x?x?xbf16>, %values: tensor<?x?x?x?xbf16>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi64>) -> tensor<?xi32> {
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<?x?x?x?xf16>, tensor<?x?x?x?xf16>, tensor<?x?xi1>)
    lengths(%lengths : tensor<?xi64>)
    outs(%keys, %values, %kept, %length, %end : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi64>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>}
  return %0#3 : tensor<?xi32>
}

// CHECK-LABEL: @append_separators_to_buffers
// CHECK:         effattn.separator_cache_append ins(%{{.*}} : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>, memref<2x3xi1>) outs(
func.func @append_separators_to_buffers(%k: memref<2x4x3x8xf32>, %v: memref<2x4x3x6xf32>, %flags: memref<2x3xi1>,
    %keys: memref<2x4x9x8xf32>, %values: memref<2x4x9x6xf32>, %kept: memref<2x9xi1>, %length: memref<2xi32>, %end: memref<2xi32>) {
  effattn.separator_cache_append ins(%k, %v, %flags : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>, memref<2x3xi1>)
    outs(%keys, %values, %kept, %length, %end : memref<2x4x9x8xf32>, memref<2x4x9x6xf32>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return
}

// CHECK-LABEL: @compact
// CHECK:         effattn.separator_cache_compact outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x9x?xf16>, tensor<?x?x9x?xf32>, tensor<?x9xi1>, tensor<?xi64>, tensor<?xi64>)
// CHECK-SAME:      {capacity = 8 : i64, initial = 1 : i64, separators = 2 : i64, when = #effattn.when<after_attention>, window = 3 : i64}
func.func @compact(%keys: tensor<?x?x9x?xf16>, %values: tensor<?x?x9x?xf32>, %kept: tensor<?x9xi1>, %length: tensor<?xi64>,
    %end: tensor<?xi64>) -> tensor<?xi64> {
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<?x?x9x?xf16>, tensor<?x?x9x?xf32>, tensor<?x9xi1>, tensor<?xi64>, tensor<?xi64>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#4 : tensor<?xi64>
}

// CHECK-LABEL: @compact_buffers
// CHECK:         effattn.separator_cache_compact outs(%{{.*}} : memref<2x4x9x8xbf16>, memref<2x4x9x6xbf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
func.func @compact_buffers(%keys: memref<2x4x9x8xbf16>, %values: memref<2x4x9x6xbf16>, %kept: memref<2x9xi1>, %length: memref<2xi32>,
    %end: memref<2xi32>) {
  effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : memref<2x4x9x8xbf16>, memref<2x4x9x6xbf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    {initial = 1, separators = 0, window = 7, capacity = 8, when = #effattn.when<before_attention>}
  return
}

// CHECK-LABEL: @attend
// CHECK:         effattn.cache_attention ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi64>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi32>) outs(%{{.*}} : tensor<?x?x?x?xf32>)
// CHECK-SAME:      {rope_base = 5.000000e+05 : f64, rope_dims = 16 : i64, rope_layout = #effattn.rope_layout<interleaved>, scale = 1.250000e-01 : f32}
func.func @attend(%q: tensor<?x?x?x?xf32>, %keys: tensor<?x?x?x?xf16>, %values: tensor<?x?x?x?xbf16>, %flags: tensor<?x?xi1>,
    %length: tensor<?xi32>, %end: tensor<?xi64>, %lengths: tensor<?xi32>, %out: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi64>)
    lengths(%lengths : tensor<?xi32>) outs(%out : tensor<?x?x?x?xf32>)
    {scale = 0.125 : f32, positions = #effattn.positions<slot>, rope_base = 5.0e+05, rope_dims = 16, rope_layout = #effattn.rope_layout<interleaved>}
  return %0 : tensor<?x?x?x?xf32>
}

// CHECK-LABEL: @attend_in_buffers
// CHECK:         effattn.cache_attention ins(%{{.*}} : memref<2x4x3x7xf16>, memref<2x2x9x7xf16>, memref<2x2x9x6xf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
// CHECK-SAME:      outs(%{{.*}} : memref<2x4x3x6xf16>) {positions = #effattn.positions<absolute>}
func.func @attend_in_buffers(%q: memref<2x4x3x7xf16>, %keys: memref<2x2x9x7xf16>, %values: memref<2x2x9x6xf16>, %flags: memref<2x9xi1>,
    %length: memref<2xi32>, %end: memref<2xi32>, %out: memref<2x4x3x6xf16>) {
  effattn.cache_attention ins(%q, %keys, %values, %flags, %length, %end
      : memref<2x4x3x7xf16>, memref<2x2x9x7xf16>, memref<2x2x9x6xf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    outs(%out : memref<2x4x3x6xf16>) {positions = #effattn.positions<absolute>}
  return
}

// CHECK-LABEL: @update
// CHECK:         effattn.separator_cache_update ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>)
// CHECK-SAME:      q(%{{.*}} : tensor<?x?x?x?xf16>) lengths(%{{.*}} : tensor<?xi32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xbf16>)
// CHECK-SAME:      {capacity = 324 : i64, initial = 4 : i64, prefill = #effattn.prefill<whole>, rope_dims = 32 : i64, separators = 64 : i64, when = #effattn.when<before_attention>, window = 224 : i64}
func.func @update(%k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>, %flags: tensor<?x?xi1>, %q: tensor<?x?x?x?xf16>, %lengths: tensor<?xi32>,
    %keys: tensor<?x?x?x?xbf16>, %values: tensor<?x?x?x?xbf16>, %kept: tensor<?x?xi1>, %length: tensor<?xi32>, %end: tensor<?xi32>,
    %out: tensor<?x?x?x?xbf16>) -> tensor<?x?x?x?xbf16> {
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?xi1>)
    q(%q : tensor<?x?x?x?xf16>) lengths(%lengths : tensor<?xi32>)
    outs(%keys, %values, %kept, %length, %end, %out
      : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>, tensor<?x?xi1>, tensor<?xi32>, tensor<?xi32>, tensor<?x?x?x?xbf16>)
    {initial = 4, separators = 64, window = 224, capacity = 324, when = #effattn.when<before_attention>,
     prefill = #effattn.prefill<whole>, rope_dims = 32}
  return %0#5 : tensor<?x?x?x?xbf16>
}

// CHECK-LABEL: @update_without_queries
// CHECK:         effattn.separator_cache_update ins(%{{.*}} : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>, memref<2x3xi1>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : memref<2x4x9x8xf16>, memref<2x4x9x6xf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
func.func @update_without_queries(%k: memref<2x4x3x8xf32>, %v: memref<2x4x3x6xf32>, %flags: memref<2x3xi1>,
    %keys: memref<2x4x9x8xf16>, %values: memref<2x4x9x6xf16>, %kept: memref<2x9xi1>, %length: memref<2xi32>, %end: memref<2xi32>) {
  effattn.separator_cache_update ins(%k, %v, %flags : memref<2x4x3x8xf32>, memref<2x4x3x6xf32>, memref<2x3xi1>)
    outs(%keys, %values, %kept, %length, %end : memref<2x4x9x8xf16>, memref<2x4x9x6xf16>, memref<2x9xi1>, memref<2xi32>, memref<2xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return
}
