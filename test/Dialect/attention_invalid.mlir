// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @attention_c1(
    // expected-note @below {{query is 'tensor<1x4x2x8xf32>'}}
    %q: tensor<1x4x2x8xf32>, %k: tensor<1x3x2x8xf32>, %out: tensor<1x4x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected key heads (dim 1) to divide query heads (dim 1), but got 3 and 4}}
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>)
    outs(%out : tensor<1x4x2x8xf32>)
  return
}

// -----

func.func @attention_c1_without_key_heads(
    // expected-note @below {{query is 'tensor<1x4x2x8xf32>'}}
    %q: tensor<1x4x2x8xf32>, %k: tensor<1x0x2x8xf32>, %out: tensor<1x4x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected key heads (dim 1) to divide query heads (dim 1), but got 0 and 4}}
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x2x8xf32>, tensor<1x0x2x8xf32>, tensor<1x0x2x8xf32>)
    outs(%out : tensor<1x4x2x8xf32>)
  return
}

// -----

func.func @attention_c2_zero(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected softcap to be positive and finite in f32, but got 0.0}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) {softcap = 0.0}
  return
}

// -----

func.func @attention_c2_infinite_in_f32(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected softcap to be positive and finite in f32, but got 1.0}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) {softcap = 1.0e300}
  return
}

// -----

func.func @attention_c3_arguments(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected the score region to take (f32, index, index, index, index): score, batch row, head, query position, key position; but got ('f32', 'index')}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) score {
  ^bb0(%score: f32, %b: index):
    effattn.yield %score : f32
  }
  return
}

// -----

func.func @attention_c3_result(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) score {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error @below {{'effattn.yield' op expected a score of type f32, but got 'index'}}
    effattn.yield %j : index
  }
  return
}

// -----

func.func @attention_c3_without_end(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected the score region to end with effattn.yield}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) score {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
  }
  return
}

// -----

func.func @mask_in_the_score_region(%q: tensor<1x1x2x8xf32>, %out: tensor<1x1x2x8xf32>) {
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>) score {
  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):
    // expected-error @below {{'effattn.causal_mask' op expected to be inside the mask region of an op that uses a mask, such as effattn.attention}}
    %mask = effattn.causal_mask
    effattn.yield %score : f32
  }
  return
}

// -----

func.func @head_sizes_differ(
    // expected-note @below {{query is 'tensor<1x1x2x8xf32>'}}
    %q: tensor<1x1x2x8xf32>, %k: tensor<1x1x2x4xf32>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected key head size (dim 3) to equal query head size (dim 3), but got 4 and 8}}
  %0 = effattn.attention ins(%q, %k, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x4xf32>, tensor<1x1x2x8xf32>)
    outs(%out : tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @result_of_other_type(%q: tensor<1x1x2x8xbf16>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected out to have the element type of query, 'bf16', but got 'f32'}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xbf16>, tensor<1x1x2x8xbf16>, tensor<1x1x2x8xbf16>)
    outs(%out : tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @offset_of_rank_2(%q: tensor<1x1x2x8xf32>, %offset: tensor<1x1xi64>, %out: tensor<1x1x2x8xf32>) {
  // expected-error @below {{'effattn.attention' op expected offset to have rank 1 [B], but got 'tensor<1x1xi64>'}}
  %0 = effattn.attention ins(%q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    offset(%offset : tensor<1x1xi64>) outs(%out : tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @merge_of_other_rows(
    // expected-note @below {{out1 is 'tensor<1x1x2x8xf32>'}}
    %out1: tensor<1x1x2x8xf32>, %lse1: tensor<1x1x3xf32>, %lse2: tensor<1x1x2xf32>) {
  // expected-error @below {{'effattn.merge_attention' op expected lse1 token count (dim 2) to equal out1 token count (dim 2), but got 3 and 2}}
  %0:2 = effattn.merge_attention ins(%out1, %lse1, %out1, %lse2
      : tensor<1x1x2x8xf32>, tensor<1x1x3xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2xf32>)
    outs(%out1, %lse2 : tensor<1x1x2x8xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @rotary_embedding_c1_odd(%x: tensor<1x1x2x8xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected dims to be even, but got 3}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x8xf32>) {dims = 3}
  return
}

// -----

func.func @rotary_embedding_c1_odd_head_size(%x: tensor<1x1x2x7xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected dims to be even, but got 7}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x7xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x7xf32>)
  return
}

// -----

func.func @rotary_embedding_c1_negative(%x: tensor<1x1x2x8xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected dims to be at least 0, but got -2}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x8xf32>) {dims = -2}
  return
}

// -----

func.func @rotary_embedding_c1_wide(%x: tensor<1x1x2x8xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected dims to be at most the head size of x (dim 3), but got 10 and 8}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x8xf32>) {dims = 10}
  return
}

// -----

func.func @rotary_embedding_c2_base_is_zero(%x: tensor<1x1x2x8xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected base to be positive and finite, but got 0.0}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x8xf32>) {base = 0.0}
  return
}

// -----

func.func @rotary_embedding_c3_scaling_is_infinite(%x: tensor<1x1x2x8xf32>, %p: tensor<1x2xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected scaling to be positive and finite, but got}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x2xi32>) outs(%x : tensor<1x1x2x8xf32>) {scaling = 0x7F800000 : f32}
  return
}

// -----

func.func @positions_of_another_number(
    // expected-note @below {{x is 'tensor<1x1x2x8xf32>'}}
    %x: tensor<1x1x2x8xf32>, %p: tensor<1x3xi32>) {
  // expected-error @below {{'effattn.rotary_embedding' op expected positions token count (dim 1) to equal x token count (dim 2), but got 3 and 2}}
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<1x1x2x8xf32>, tensor<1x3xi32>) outs(%x : tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @systematic_attention_c1(
    // expected-note @below {{query is 'tensor<1x4x2x8xf32>'}}
    %q: tensor<1x4x2x8xf32>, %k: tensor<1x3x2x8xf32>) {
  // expected-error @below {{'effattn.systematic_attention' op expected key heads (dim 1) to divide query heads (dim 1), but got 3 and 4}}
  %0:2 = effattn.systematic_attention ins(%q, %k, %k, %k : tensor<1x4x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>)
    outs(%q, %q : tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>)
  return
}

// -----

func.func @systematic_attention_c2_even(%q: tensor<1x1x2x8xf32>, %a: tensor<4x8xf32>) {
  // expected-error @below {{'effattn.systematic_attention' op expected relative_keys distances (dim 0) to be odd, but got 4}}
  %0:2 = effattn.systematic_attention ins(%q, %q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    relative_keys(%a : tensor<4x8xf32>) outs(%q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @systematic_attention_c2_empty(%q: tensor<1x1x2x8xf32>, %b: tensor<0x8xf32>) {
  // expected-error @below {{'effattn.systematic_attention' op expected relative_values distances (dim 0) to be odd, but got 0}}
  %0:2 = effattn.systematic_attention ins(%q, %q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    relative_values(%b : tensor<0x8xf32>) outs(%q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
  return
}

// -----

func.func @tables_of_different_reach(%q: tensor<1x1x2x8xf32>,
    // expected-note @below {{relative_keys is 'tensor<5x8xf32>'}}
    %a: tensor<5x8xf32>, %b: tensor<3x8xf32>) {
  // expected-error @below {{'effattn.systematic_attention' op expected relative_values distances (dim 0) to equal relative_keys distances (dim 0), but got 3 and 5}}
  %0:2 = effattn.systematic_attention ins(%q, %q, %q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
    relative_keys(%a : tensor<5x8xf32>) relative_values(%b : tensor<3x8xf32>) outs(%q, %q : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>)
  return
}
