// RUN: effattn-opt %s -split-input-file -verify-diagnostics

// expected-note @below {{x is 'memref<2x5xf32>'}}
func.func @rms_norm_widths_differ(%x: memref<2x5xf32>, %w: memref<4xf32>, %out: memref<2x5xf32>) {
  // expected-error @below {{expected weight width (dim 0) to equal x width (dim 1), but got 4 and 5}}
  effattn.rms_norm ins(%x, %w : memref<2x5xf32>, memref<4xf32>) outs(%out : memref<2x5xf32>)
  return
}

// -----

func.func @rms_norm_x_is_a_scalar(%x: memref<f32>, %w: memref<1xf32>, %out: memref<f32>) {
  // expected-error @below {{expected x to have rank at least 1 [..., C], but got 'memref<f32>'}}
  effattn.rms_norm ins(%x, %w : memref<f32>, memref<1xf32>) outs(%out : memref<f32>)
  return
}

// -----

func.func @rms_norm_out_has_another_type(%x: memref<2x5xf16>, %w: memref<5xf32>, %out: memref<2x5xf32>) {
  // expected-error @below {{expected out to have the element type of x, 'f16', but got 'f32'}}
  effattn.rms_norm ins(%x, %w : memref<2x5xf16>, memref<5xf32>) outs(%out : memref<2x5xf32>)
  return
}

// -----

// expected-note @below {{x is 'memref<2x5xf32>'}}
func.func @layer_norm_rows_differ(%x: memref<2x5xf32>, %w: memref<5xf32>, %out: memref<3x5xf32>) {
  // expected-error @below {{expected out size (dim 0) to equal x size (dim 0), but got 3 and 2}}
  effattn.layer_norm ins(%x, %w : memref<2x5xf32>, memref<5xf32>) outs(%out : memref<3x5xf32>)
  return
}

// -----

// expected-note @below {{x is 'memref<5xf32>'}}
func.func @layer_norm_bias_is_wide(%x: memref<5xf32>, %w: memref<5xf32>, %b: memref<6xf32>, %out: memref<5xf32>) {
  // expected-error @below {{expected bias width (dim 0) to equal x width (dim 0), but got 6 and 5}}
  effattn.layer_norm ins(%x, %w : memref<5xf32>, memref<5xf32>) bias(%b : memref<6xf32>) outs(%out : memref<5xf32>)
  return
}

// -----

func.func @layer_norm_of_doubles(%x: memref<5xf64>, %w: memref<5xf32>, %out: memref<5xf64>) {
  // expected-error @below {{expected x to have element type f32, bf16 or f16, but got 'f64'}}
  effattn.layer_norm ins(%x, %w : memref<5xf64>, memref<5xf32>) outs(%out : memref<5xf64>)
  return
}
