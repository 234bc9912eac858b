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
