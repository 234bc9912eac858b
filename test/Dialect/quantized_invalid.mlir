// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @quantized_embedding_c1_half_a_row_too_few(%ids: memref<3xi32>, %c4: memref<2x3xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected codes4 to have 4 bytes (dim 1) for the 7 columns of codes8 (dim 1), but got 3}}
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<3xi32>, memref<2x3xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    outs(%out : memref<3x7xf32>)
  return
}

// -----

func.func @quantized_embedding_c2_groups_of_different_widths(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x2xf16>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected groups of scales (dim 1) to divide the 7 columns of codes8 (dim 1), but got 2}}
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x2xf16>)
    outs(%out : memref<3x7xf32>)
  return
}

// -----

func.func @quantized_embedding_c2_no_group(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x0xf16>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected groups of scales (dim 1) to divide the 7 columns of codes8 (dim 1), but got 0}}
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x0xf16>)
    outs(%out : memref<3x7xf32>)
  return
}

// -----

func.func @quantized_embedding_c3_codes_alone(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x4xi8>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected residual_codes and residual_scales together, but got residual_codes alone}}
  "effattn.quantized_embedding"(%ids, %c4, %c8, %kind, %row, %s, %rc, %out)
    {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1>}
    : (memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>, memref<9x4xi8>, memref<3x7xf32>) -> ()
  return
}

// -----

func.func @quantized_embedding_c4_weight_alone(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %w: memref<9xf32>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected nearest and nearest_weight together, but got nearest_weight alone}}
  "effattn.quantized_embedding"(%ids, %c4, %c8, %kind, %row, %s, %w, %out)
    {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1>}
    : (memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>, memref<9xf32>, memref<3x7xf32>) -> ()
  return
}

// -----

// expected-note @below {{codes4 is 'memref<2x4xi8>'}}
func.func @quantized_embedding_residual_of_another_width(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x7xi8>, %rs: memref<9x1xf16>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected residual_codes bytes (dim 1) to equal codes4 bytes (dim 1), but got 7 and 4}}
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    residual(%rc, %rs : memref<9x7xi8>, memref<9x1xf16>)
    outs(%out : memref<3x7xf32>)
  return
}

// -----

// expected-note @+2 {{scales is 'memref<9x1xf16>'}}
func.func @quantized_embedding_residual_of_other_groups(%ids: memref<3xi32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x4xi8>, %rs: memref<9x7xf16>, %out: memref<3x7xf32>) {
  // expected-error @below {{expected residual_scales groups (dim 1) to equal scales groups (dim 1), but got 7 and 1}}
  effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      memref<3xi32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    residual(%rc, %rs : memref<9x4xi8>, memref<9x7xf16>)
    outs(%out : memref<3x7xf32>)
  return
}

// -----

func.func @quantized_matmul_c1_half_a_row_too_few(%x: memref<3x7xf32>, %c4: memref<2x3xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected codes4 to have 4 bytes (dim 1) for the 7 columns of codes8 (dim 1), but got 3}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<3x7xf32>, memref<2x3xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    outs(%out : memref<3x9xf32>)
  return
}

// -----

func.func @quantized_matmul_c2_groups_of_different_widths(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x2xf16>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected groups of scales (dim 1) to divide the 7 columns of codes8 (dim 1), but got 2}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x2xf16>)
    outs(%out : memref<3x9xf32>)
  return
}

// -----

func.func @quantized_matmul_c2_no_group(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x0xf16>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected groups of scales (dim 1) to divide the 7 columns of codes8 (dim 1), but got 0}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x0xf16>)
    outs(%out : memref<3x9xf32>)
  return
}

// -----

func.func @quantized_matmul_c3_codes_alone(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x4xi8>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected residual_codes and residual_scales together, but got residual_codes alone}}
  "effattn.quantized_matmul"(%x, %c4, %c8, %kind, %row, %s, %rc, %out)
    {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1>}
    : (memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>, memref<9x4xi8>, memref<3x9xf32>) -> ()
  return
}

// -----

func.func @quantized_matmul_c4_weight_alone(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %w: memref<9xf32>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected nearest and nearest_weight together, but got nearest_weight alone}}
  "effattn.quantized_matmul"(%x, %c4, %c8, %kind, %row, %s, %w, %out)
    {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1>}
    : (memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>, memref<9xf32>, memref<3x9xf32>) -> ()
  return
}

// -----

// expected-note @below {{codes4 is 'memref<2x4xi8>'}}
func.func @quantized_matmul_residual_of_another_width(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x7xi8>, %rs: memref<9x1xf16>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected residual_codes bytes (dim 1) to equal codes4 bytes (dim 1), but got 7 and 4}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    residual(%rc, %rs : memref<9x7xi8>, memref<9x1xf16>)
    outs(%out : memref<3x9xf32>)
  return
}

// -----

// expected-note @+2 {{scales is 'memref<9x1xf16>'}}
func.func @quantized_matmul_residual_of_other_groups(%x: memref<3x7xf32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %rc: memref<9x4xi8>, %rs: memref<9x7xf16>, %out: memref<3x9xf32>) {
  // expected-error @below {{expected residual_scales groups (dim 1) to equal scales groups (dim 1), but got 7 and 1}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<3x7xf32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    residual(%rc, %rs : memref<9x4xi8>, memref<9x7xf16>)
    outs(%out : memref<3x9xf32>)
  return
}

// -----

func.func @quantized_matmul_of_no_vector(%x: memref<f32>, %c4: memref<2x4xi8>, %c8: memref<4x7xi8>, %kind: memref<9xi1>, %row: memref<9xi32>,
    %s: memref<9x1xf16>, %out: memref<9xf32>) {
  // expected-error @below {{expected x to have rank at least 1 [..., C], but got 'memref<f32>'}}
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<f32>, memref<2x4xi8>, memref<4x7xi8>, memref<9xi1>, memref<9xi32>, memref<9x1xf16>)
    outs(%out : memref<9xf32>)
  return
}
