// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @kv_cache_append_c1_ring_smaller_than_its_tokens(%k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x6xf32>,
    %keys: tensor<2x4x3x8xf32>, %values: tensor<2x4x3x6xf32>, %length: tensor<2xi32>) -> tensor<2xi32> {
  // expected-error @below {{'effattn.kv_cache_append' op expected k token count (dim 2) to be at most keys cache size (dim 2) in a ring, but got 5 and 3}}
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<2x4x5x8xf32>, tensor<2x4x5x6xf32>)
    outs(%keys, %values, %length : tensor<2x4x3x8xf32>, tensor<2x4x3x6xf32>, tensor<2xi32>) {ring = true}
  return %0#2 : tensor<2xi32>
}

// -----

// expected-note @below {{keys is 'tensor<2x4x9x8xf32>'}}
func.func @kv_cache_append_cache_sizes_differ(%keys: tensor<2x4x9x8xf32>, %values: tensor<2x4x8x6xf32>,
    %k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x6xf32>, %length: tensor<2xi32>) -> tensor<2xi32> {
  // expected-error @below {{'effattn.kv_cache_append' op expected values cache size (dim 2) to equal keys cache size (dim 2), but got 8 and 9}}
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<2x4x5x8xf32>, tensor<2x4x5x6xf32>)
    outs(%keys, %values, %length : tensor<2x4x9x8xf32>, tensor<2x4x8x6xf32>, tensor<2xi32>)
  return %0#2 : tensor<2xi32>
}

// -----

func.func @kv_cache_append_length_as_float(%k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x6xf32>,
    %keys: tensor<2x4x9x8xf32>, %values: tensor<2x4x9x6xf32>, %length: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{'effattn.kv_cache_append' op expected length to have element type i32 or i64, but got 'f32'}}
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<2x4x5x8xf32>, tensor<2x4x5x6xf32>)
    outs(%keys, %values, %length : tensor<2x4x9x8xf32>, tensor<2x4x9x6xf32>, tensor<2xf32>)
  return %0#2 : tensor<2xf32>
}

// -----

func.func @separator_cache_append_c1_negative_initial(%k: tensor<1x4x5x8xf32>, %v: tensor<1x4x5x6xf32>, %flags: tensor<1x5xi1>,
    %keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_append' op expected initial to be at least 0, but got -1}}
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<1x4x5x8xf32>, tensor<1x4x5x6xf32>, tensor<1x5xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = -1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_append_c1_negative_separators(%k: tensor<1x4x5x8xf32>, %v: tensor<1x4x5x6xf32>, %flags: tensor<1x5xi1>,
    %keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_append' op expected separators to be at least 0, but got -2}}
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<1x4x5x8xf32>, tensor<1x4x5x6xf32>, tensor<1x5xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = -2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_append_c2_parts_exceed_capacity(%k: tensor<1x4x5x8xf32>, %v: tensor<1x4x5x6xf32>, %flags: tensor<1x5xi1>,
    %keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_append' op expected initial + separators + window to be at most capacity, but got 1 + 5 + 3 and 8}}
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<1x4x5x8xf32>, tensor<1x4x5x6xf32>, tensor<1x5xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 5, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_append_c3_no_entry_beyond_capacity(%k: tensor<1x4x5x8xf32>, %v: tensor<1x4x5x6xf32>, %flags: tensor<1x5xi1>,
    %keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_append' op expected keys cache size (dim 2) to be at least capacity + 1, but got 9 with capacity 9}}
  %0:5 = effattn.separator_cache_append ins(%k, %v, %flags : tensor<1x4x5x8xf32>, tensor<1x4x5x6xf32>, tensor<1x5xi1>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 9, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_compact_c1_negative_window(%keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_compact' op expected window to be at least 0, but got -3}}
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = -3, capacity = 8, when = #effattn.when<before_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_compact_c2_sum_beyond_i64(%keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_compact' op expected initial + separators + window to be at most capacity, but got 9223372036854775807 + 9223372036854775807 + 2 and 8}}
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 9223372036854775807, separators = 9223372036854775807, window = 2, capacity = 8, when = #effattn.when<before_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_compact_c3_no_entry_beyond_capacity(%keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_compact' op expected keys cache size (dim 2) to be at least capacity + 1, but got 9 with capacity 9223372036854775807}}
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 9223372036854775807, when = #effattn.when<before_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_compact_without_time(%keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_compact' op requires attribute 'when'}}
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_compact_flags_as_bytes(%keys: tensor<1x4x9x8xf32>, %values: tensor<1x4x9x6xf32>, %kept: tensor<1x9xi8>,
    %length: tensor<1xi32>, %end: tensor<1xi32>) -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_compact' op expected state_flags to have element type i1, but got 'i8'}}
  %0:5 = effattn.separator_cache_compact
    outs(%keys, %values, %kept, %length, %end : tensor<1x4x9x8xf32>, tensor<1x4x9x6xf32>, tensor<1x9xi8>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

// expected-note @below {{q is 'tensor<1x3x3x8xf32>'}}
func.func @cache_attention_c1_heads_not_divided(%q: tensor<1x3x3x8xf32>, %keys: tensor<1x2x9x8xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x3x3x6xf32>)
    -> tensor<1x3x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected key heads (dim 1) to divide query heads (dim 1), but got 2 and 3}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x3x3x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x3x3x6xf32>) 
  return %0 : tensor<1x3x3x6xf32>
}

// -----

func.func @cache_attention_c2_base_zero(%q: tensor<1x4x3x8xf32>, %keys: tensor<1x2x9x8xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x3x6xf32>)
    -> tensor<1x4x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected rope_base to be positive and finite, but got 0}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x4x3x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x3x6xf32>) {rope_base = 0.0}
  return %0 : tensor<1x4x3x6xf32>
}

// -----

func.func @cache_attention_c3_odd_columns(%q: tensor<1x4x3x8xf32>, %keys: tensor<1x2x9x8xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x3x6xf32>)
    -> tensor<1x4x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected rope_dims to be even, but got 3}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x4x3x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x3x6xf32>) {rope_dims = 3}
  return %0 : tensor<1x4x3x6xf32>
}

// -----

func.func @cache_attention_c3_all_of_an_odd_number(%q: tensor<1x4x3x7xf32>, %keys: tensor<1x2x9x7xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x3x6xf32>)
    -> tensor<1x4x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected rope_dims to be even, but got 7}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x4x3x7xf32>, tensor<1x2x9x7xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x3x6xf32>) 
  return %0 : tensor<1x4x3x6xf32>
}

// -----

func.func @cache_attention_c3_too_many_columns(%q: tensor<1x4x3x8xf32>, %keys: tensor<1x2x9x8xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x3x6xf32>)
    -> tensor<1x4x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected rope_dims to be at most the head size of q (dim 3), but got 10 and 8}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x4x3x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x3x6xf32>) {rope_dims = 10}
  return %0 : tensor<1x4x3x6xf32>
}

// -----

func.func @cache_attention_c3_negative_columns(%q: tensor<1x4x3x8xf32>, %keys: tensor<1x2x9x8xf32>,
    %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x3x6xf32>)
    -> tensor<1x4x3x6xf32> {
  // expected-error @below {{'effattn.cache_attention' op expected rope_dims to be at least 0, but got -2}}
  %0 = effattn.cache_attention ins(%q, %keys, %values, %kept, %length, %end
      : tensor<1x4x3x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    outs(%out : tensor<1x4x3x6xf32>) {rope_dims = -2}
  return %0 : tensor<1x4x3x6xf32>
}

// -----

func.func @separator_cache_update_c1_negative_window(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected window to be at least 0, but got -3}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = -3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c2_parts_exceed_capacity(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected initial + separators + window to be at most capacity, but got 1 + 5 + 3 and 8}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 5, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c3_no_entry_beyond_capacity(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected keys cache size (dim 2) to be at least capacity + 1, but got 9 with capacity 9}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 9, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c7_queries_without_out(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected out exactly where q is given, but got q alone}}
  %0:5 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c7_out_without_queries(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected out exactly where q is given, but got out alone}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

// expected-note @below {{q is 'tensor<1x3x5x8xf32>'}}
func.func @separator_cache_update_c8_heads_not_divided(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x3x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x3x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected key heads (dim 1) to divide query heads (dim 1), but got 2 and 3}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x3x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x3x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c9_base_zero(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected rope_base to be positive and finite, but got 0}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>, rope_base = 0.0}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_c10_odd_columns(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xf32>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected rope_dims to be even, but got 3}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xf32>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>, rope_dims = 3}
  return %0#3 : tensor<1xi32>
}

// -----

func.func @separator_cache_update_out_of_another_type_than_keys(%k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x6xf32>, %flags: tensor<1x5xi1>, %q: tensor<1x4x5x8xf32>,
    %keys: tensor<1x2x9x8xbf16>, %values: tensor<1x2x9x6xf32>, %kept: tensor<1x9xi1>, %length: tensor<1xi32>, %end: tensor<1xi32>, %out: tensor<1x4x5x6xf32>)
    -> tensor<1xi32> {
  // expected-error @below {{'effattn.separator_cache_update' op expected out to have the element type of keys, 'bf16', but got 'f32'}}
  %0:6 = effattn.separator_cache_update ins(%k, %v, %flags : tensor<1x2x5x8xf32>, tensor<1x2x5x6xf32>, tensor<1x5xi1>) q(%q : tensor<1x4x5x8xf32>)
    outs(%keys, %values, %kept, %length, %end, %out : tensor<1x2x9x8xbf16>, tensor<1x2x9x6xf32>, tensor<1x9xi1>, tensor<1xi32>, tensor<1xi32>, tensor<1x4x5x6xf32>)
    {initial = 1, separators = 2, window = 3, capacity = 8, when = #effattn.when<after_attention>}
  return %0#3 : tensor<1xi32>
}
