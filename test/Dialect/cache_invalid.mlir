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
