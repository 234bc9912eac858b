// RUN: effattn-opt %s -split-input-file -verify-diagnostics

// expected-note @below {{gate is 'memref<8x6xf32>'}}
func.func @gated_ffn_hidden_widths_differ(%x: memref<2x8xf32>, %gate: memref<8x6xf32>, %up: memref<8x5xf32>, %down: memref<6x8xf32>, %out: memref<2x8xf32>) {
  // expected-error @below {{expected up hidden width (dim 1) to equal gate hidden width (dim 1), but got 5 and 6}}
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<2x8xf32>, memref<8x6xf32>, memref<8x5xf32>, memref<6x8xf32>) outs(%out : memref<2x8xf32>)
  return
}

// -----

// expected-note @below {{x is 'memref<2x8xf32>'}}
func.func @gated_ffn_down_is_transposed(%x: memref<2x8xf32>, %gate: memref<8x6xf32>, %up: memref<8x6xf32>, %down: memref<6x7xf32>, %out: memref<2x8xf32>) {
  // expected-error @below {{expected down width (dim 1) to equal x width (dim 1), but got 7 and 8}}
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<2x8xf32>, memref<8x6xf32>, memref<8x6xf32>, memref<6x7xf32>) outs(%out : memref<2x8xf32>)
  return
}

// -----

func.func @gated_ffn_of_doubles(%x: memref<2x8xf32>, %gate: memref<8x6xf64>, %up: memref<8x6xf32>, %down: memref<6x8xf32>, %out: memref<2x8xf32>) {
  // expected-error @below {{expected gate to have element type f32, bf16 or f16, but got 'f64'}}
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<2x8xf32>, memref<8x6xf64>, memref<8x6xf32>, memref<6x8xf32>) outs(%out : memref<2x8xf32>)
  return
}

// -----

func.func @gated_ffn_out_has_another_type(%x: memref<2x8xf16>, %gate: memref<8x6xf32>, %up: memref<8x6xf32>, %down: memref<6x8xf32>, %out: memref<2x8xf32>) {
  // expected-error @below {{expected out to have the element type of x, 'f16', but got 'f32'}}
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<2x8xf16>, memref<8x6xf32>, memref<8x6xf32>, memref<6x8xf32>) outs(%out : memref<2x8xf32>)
  return
}

// -----

func.func @gated_ffn_unknown_activation(%x: memref<2x8xf32>, %w: memref<8x8xf32>, %out: memref<2x8xf32>) {
  effattn.gated_ffn ins(%x, %w, %w, %w : memref<2x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>) outs(%out : memref<2x8xf32>)
    // expected-error @below {{expected ::mlir::effattn::Activation to be one of: silu, gelu, gelu_tanh, relu}}
    // expected-error @below {{failed to parse}}
    {activation = #effattn.activation<swish>}
  return
}

// -----

// expected-note @below {{norm is 'memref<3x8xf32>'}}
func.func @hourglass_ffn_blocks_differ(%x: memref<8xf32>, %norm: memref<3x8xf32>, %gate: memref<2x8x4xf32>, %down: memref<?x4x8xf32>, %out: memref<8xf32>) {
  // expected-error @below {{expected gate blocks (dim 0) to equal norm blocks (dim 0), but got 2 and 3}}
  effattn.hourglass_ffn ins(%x, %norm, %gate, %gate, %down : memref<8xf32>, memref<3x8xf32>, memref<2x8x4xf32>, memref<2x8x4xf32>, memref<?x4x8xf32>)
    outs(%out : memref<8xf32>)
  return
}

// -----

func.func @moe_route_c1_negative(%x: memref<8xf32>, %w: memref<8x4xf32>, %g: memref<?xf32>, %e: memref<?xi32>, %b: memref<f32>) {
  // expected-error @below {{expected k to be at least 0, but got -1}}
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<?xf32>, memref<?xi32>, memref<f32>) {k = -1}
  return
}

// -----

func.func @moe_route_c2_room_for_another_number(%x: memref<8xf32>, %w: memref<8x4xf32>, %g: memref<?xf32>, %e: memref<3xi32>, %b: memref<f32>) {
  // expected-error @below {{expected experts choices (dim 0) to equal k, but got 3 and 2}}
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<?xf32>, memref<3xi32>, memref<f32>) {k = 2}
  return
}

// -----

func.func @moe_route_c3_more_choices_than_experts(%x: memref<8xf32>, %w: memref<8x4xf32>, %g: memref<?xf32>, %e: memref<?xi32>, %b: memref<f32>) {
  // expected-error @below {{expected k to be at most the number of experts, but got 5 and 4}}
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<?xf32>, memref<?xi32>, memref<f32>) {k = 5}
  return
}

// -----

func.func @moe_route_c4_more_experts_than_an_i32_names(%x: memref<8xf32>, %w: memref<8x3000000000xf32>, %g: memref<?xf32>, %e: memref<?xi32>, %b: memref<f32>) {
  // expected-error @below {{expected w experts (dim 1) to be at most 2147483647, but got 3000000000}}
  effattn.moe_route ins(%x, %w : memref<8xf32>, memref<8x3000000000xf32>) outs(%g, %e, %b : memref<?xf32>, memref<?xi32>, memref<f32>) {k = 5}
  return
}

// -----

// expected-note @below {{x is 'memref<3x8xf32>'}}
func.func @moe_route_tokens_differ(%x: memref<3x8xf32>, %w: memref<8x4xf32>, %g: memref<2x1xf32>, %e: memref<?x1xi32>, %b: memref<f32>) {
  // expected-error @below {{expected gates size (dim 0) to equal x size (dim 0), but got 2 and 3}}
  effattn.moe_route ins(%x, %w : memref<3x8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<2x1xf32>, memref<?x1xi32>, memref<f32>) {k = 1}
  return
}

// -----

func.func @moe_route_balance_of_each_token(%x: memref<3x8xf32>, %w: memref<8x4xf32>, %g: memref<3x1xf32>, %e: memref<3x1xi32>, %b: memref<3xf32>) {
  // expected-error @below {{expected load_balance to have rank 0 [], but got 'memref<3xf32>'}}
  effattn.moe_route ins(%x, %w : memref<3x8xf32>, memref<8x4xf32>) outs(%g, %e, %b : memref<3x1xf32>, memref<3x1xi32>, memref<3xf32>) {k = 1}
  return
}

// -----

// expected-note @below {{gates is 'memref<3x2xf32>'}}
func.func @moe_ffn_choices_differ(%x: memref<3x8xf32>, %gates: memref<3x2xf32>, %experts: memref<3x1xi32>, %w: memref<4x8x8xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected experts choices (dim 1) to equal gates choices (dim 1), but got 1 and 2}}
  effattn.moe_ffn ins(%x, %gates, %experts, %w, %w, %w
    : memref<3x8xf32>, memref<3x2xf32>, memref<3x1xi32>, memref<4x8x8xf32>, memref<4x8x8xf32>, memref<4x8x8xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

// expected-note @below {{gate is 'memref<4x8x8xf32>'}}
func.func @moe_ffn_number_of_experts_differs(%x: memref<8xf32>, %gates: memref<2xf32>, %experts: memref<2xi32>, %w: memref<4x8x8xf32>, %up: memref<5x8x8xf32>, %out: memref<8xf32>) {
  // expected-error @below {{expected up experts (dim 0) to equal gate experts (dim 0), but got 5 and 4}}
  effattn.moe_ffn ins(%x, %gates, %experts, %w, %up, %w
    : memref<8xf32>, memref<2xf32>, memref<2xi32>, memref<4x8x8xf32>, memref<5x8x8xf32>, memref<4x8x8xf32>) outs(%out : memref<8xf32>)
  return
}

// -----

func.func @packed_matmul_c1_no_columns(%x: memref<2x8xf32>, %panels: memref<?x8x0xf32>, %out: memref<2x?xf32>) {
  // expected-error @below {{expected panels columns (dim 2) to be at least 1, but got 0}}
  effattn.packed_matmul ins(%x, %panels : memref<2x8xf32>, memref<?x8x0xf32>) outs(%out : memref<2x?xf32>)
  return
}

// -----

func.func @packed_matmul_c1_too_few_panels(%x: memref<2x8xf32>, %panels: memref<2x8x16xf32>, %out: memref<2x33xf32>) {
  // expected-error @below {{expected panels (dim 0) to be 3 of 16 columns (dim 2) for 33 columns of out (dim 1), but got 2}}
  effattn.packed_matmul ins(%x, %panels : memref<2x8xf32>, memref<2x8x16xf32>) outs(%out : memref<2x33xf32>)
  return
}

// -----

// expected-note @below {{x is 'memref<2x8xf32>'}}
func.func @packed_matmul_depths_differ(%x: memref<2x8xf32>, %panels: memref<3x7x16xf32>, %out: memref<2x33xf32>) {
  // expected-error @below {{expected panels width (dim 1) to equal x width (dim 1), but got 7 and 8}}
  effattn.packed_matmul ins(%x, %panels : memref<2x8xf32>, memref<3x7x16xf32>) outs(%out : memref<2x33xf32>)
  return
}
