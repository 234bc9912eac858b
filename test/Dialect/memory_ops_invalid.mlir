// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @product_softmax_c1_temperature_is_zero(%x: memref<2x4xf32>, %out: memref<16xf32>) {
  // expected-error @below {{expected temperature to be positive and finite, but got 0}}
  effattn.product_softmax ins(%x : memref<2x4xf32>) outs(%out : memref<16xf32>) {temperature = 0.0}
  return
}

// -----

func.func @product_softmax_c1_temperature_is_infinite(%x: memref<2x4xf32>, %out: memref<16xf32>) {
  // expected-error @below {{expected temperature to be positive and finite, but got}}
  effattn.product_softmax ins(%x : memref<2x4xf32>) outs(%out : memref<16xf32>) {temperature = 0x7F800000 : f32}
  return
}

// -----

func.func @product_softmax_c2_more_slots_than_an_i32_holds(%x: memref<31x2xf32>, %out: memref<?xf32>) {
  // expected-error @below {{expected at most 2147483647 slots, but got 2^31}}
  effattn.product_softmax ins(%x : memref<31x2xf32>) outs(%out : memref<?xf32>)
  return
}

// -----

func.func @product_softmax_c3_out_has_another_size(%x: memref<5x2x4xf32>, %out: memref<5x8xf32>) {
  // expected-error @below {{expected out slots (dim 1) to equal the values per digit to the power of the digits of x, 4^2, but got 8}}
  effattn.product_softmax ins(%x : memref<5x2x4xf32>) outs(%out : memref<5x8xf32>)
  return
}

// -----

func.func @product_softmax_out_is_no_f32(%x: memref<2x4xf16>, %out: memref<16xf16>) {
  // expected-error @below {{expected out to have element type f32, but got 'f16'}}
  effattn.product_softmax ins(%x : memref<2x4xf16>) outs(%out : memref<16xf16>)
  return
}

// -----

func.func @top_k_c1_negative(%x: memref<4xf32>, %v: memref<?xf32>, %i: memref<?xi32>) {
  // expected-error @below {{expected k to be at least 0, but got -1}}
  effattn.top_k ins(%x : memref<4xf32>) outs(%v, %i : memref<?xf32>, memref<?xi32>) {k = -1}
  return
}

// -----

func.func @top_k_c2_room_for_another_number(%x: memref<4xf32>, %v: memref<3xf32>, %i: memref<?xi32>) {
  // expected-error @below {{expected values kept slots (dim 0) to equal k, but got 3 and 2}}
  effattn.top_k ins(%x : memref<4xf32>) outs(%v, %i : memref<3xf32>, memref<?xi32>) {k = 2}
  return
}

// -----

func.func @top_k_c2_room_for_other_indices(%x: memref<1x4xf32>, %v: memref<1x?xf32>, %i: memref<1x3xi32>) {
  // expected-error @below {{expected indices kept slots (dim 1) to equal k, but got 3 and 2}}
  effattn.top_k ins(%x : memref<1x4xf32>) outs(%v, %i : memref<1x?xf32>, memref<1x3xi32>) {k = 2}
  return
}

// -----

func.func @top_k_c3_more_than_there_are(%x: memref<7x4xf32>, %v: memref<7x5xf32>, %i: memref<7x5xi32>) {
  // expected-error @below {{expected k to be at most the size of x (dim 1), but got 5 and 4}}
  effattn.top_k ins(%x : memref<7x4xf32>) outs(%v, %i : memref<7x5xf32>, memref<7x5xi32>) {k = 5}
  return
}

// -----

func.func @top_k_c4_more_than_an_i32_indexes(%x: memref<2147483648xf32>, %v: memref<1xf32>, %i: memref<1xi32>) {
  // expected-error @below {{expected x (dim 0) to be at most 2147483647, but got 2147483648}}
  effattn.top_k ins(%x : memref<2147483648xf32>) outs(%v, %i : memref<1xf32>, memref<1xi32>) {k = 1}
  return
}

// -----

func.func @top_k_values_of_another_type(%x: memref<4xbf16>, %v: memref<2xf32>, %i: memref<2xi32>) {
  // expected-error @below {{expected values to have the element type of x, 'bf16', but got 'f32'}}
  effattn.top_k ins(%x : memref<4xbf16>) outs(%v, %i : memref<2xf32>, memref<2xi32>) {k = 2}
  return
}

// -----

func.func @product_softmax_top_k_c1_temperature_is_negative(%x: memref<2x4xf32>, %v: memref<3xf32>, %i: memref<3xi32>) {
  // expected-error @below {{expected temperature to be positive and finite, but got -1}}
  effattn.product_softmax_top_k ins(%x : memref<2x4xf32>) outs(%v, %i : memref<3xf32>, memref<3xi32>) {k = 3, temperature = -1.0}
  return
}

// -----

func.func @product_softmax_top_k_c2_negative(%x: memref<2x4xf32>, %v: memref<?xf32>, %i: memref<?xi32>) {
  // expected-error @below {{expected k to be at least 0, but got -2}}
  effattn.product_softmax_top_k ins(%x : memref<2x4xf32>) outs(%v, %i : memref<?xf32>, memref<?xi32>) {k = -2}
  return
}

// -----

func.func @product_softmax_top_k_c3_room_for_another_number(%x: memref<2x4xf32>, %v: memref<?xf32>, %i: memref<4xi32>) {
  // expected-error @below {{expected indices kept slots (dim 0) to equal k, but got 4 and 3}}
  effattn.product_softmax_top_k ins(%x : memref<2x4xf32>) outs(%v, %i : memref<?xf32>, memref<4xi32>) {k = 3}
  return
}

// -----

func.func @product_softmax_top_k_c4_more_slots_than_an_i32_holds(%x: memref<9x40x2xf32>, %v: memref<9x3xf32>, %i: memref<9x3xi32>) {
  // expected-error @below {{expected at most 2147483647 slots, but got 2^40}}
  effattn.product_softmax_top_k ins(%x : memref<9x40x2xf32>) outs(%v, %i : memref<9x3xf32>, memref<9x3xi32>) {k = 3}
  return
}

// -----

func.func @product_softmax_top_k_c5_more_than_there_are(%x: memref<2x2xf32>, %v: memref<5xf32>, %i: memref<5xi32>) {
  // expected-error @below {{expected k to be at most the number of slots, but got 5 and 4}}
  effattn.product_softmax_top_k ins(%x : memref<2x2xf32>) outs(%v, %i : memref<5xf32>, memref<5xi32>) {k = 5}
  return
}

// -----

func.func @product_softmax_top_k_c5_no_digits(%x: memref<0x9xf32>, %v: memref<2xf32>, %i: memref<2xi32>) {
  // expected-error @below {{expected k to be at most the number of slots, but got 2 and 1}}
  effattn.product_softmax_top_k ins(%x : memref<0x9xf32>) outs(%v, %i : memref<2xf32>, memref<2xi32>) {k = 2}
  return
}

// -----

func.func @cyclic_shift_c1_no_digits(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected digits to be at least 1, but got 0}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 0, base = 4}
  return
}

// -----

func.func @cyclic_shift_c2_no_values(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected base to be at least 1, but got 0}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 2, base = 0}
  return
}

// -----

func.func @cyclic_shift_c3_more_slots_than_an_i32_holds(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected at most 2147483647 slots, but got 46341^2}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 2, base = 46341}
  return
}

// -----

func.func @cyclic_shift_c4_periods_of_another_number(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected periods to hold 2 integers, one a digit, but got 1}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 2, base = 4, periods = array<i64: 1>}
  return
}

// -----

func.func @cyclic_shift_c4_period_is_zero(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected periods[1] to be at least 1, but got 0}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 2, base = 4, periods = array<i64: 1, 0>}
  return
}

// -----

func.func @cyclic_shift_c5_steps_of_another_number(%i: memref<1x2x3xi32>, %p: memref<1x2xi32>, %out: memref<1x2x3xi32>) {
  // expected-error @below {{expected steps to hold 2 integers, one a digit, but got 3}}
  effattn.cyclic_shift ins(%i, %p : memref<1x2x3xi32>, memref<1x2xi32>) outs(%out : memref<1x2x3xi32>) {digits = 2, base = 4, steps = array<i64: 1, 1, 1>}
  return
}

// -----

func.func @address_decode_c1_temperature_is_no_number(%x: memref<1x2x8xf32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected temperature to be positive and finite, but got}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 2, k = 2, temperature = 0x7FC00000 : f32}
  return
}

// -----

func.func @address_decode_c2_negative(%x: memref<1x2x8xf32>, %w: memref<1x2x?xf32>, %i: memref<1x2x?xi32>) {
  // expected-error @below {{expected k to be at least 0, but got -1}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) outs(%w, %i : memref<1x2x?xf32>, memref<1x2x?xi32>) {digits = 2, k = -1}
  return
}

// -----

func.func @address_decode_c3_room_for_another_number(%x: memref<1x2x8xf32>, %w: memref<1x2x3xf32>, %i: memref<1x2x3xi32>) {
  // expected-error @below {{expected weights kept slots (dim 2) to equal k, but got 3 and 2}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) outs(%w, %i : memref<1x2x3xf32>, memref<1x2x3xi32>) {digits = 2, k = 2}
  return
}

// -----

func.func @address_decode_c4_no_digits(%x: memref<1x2x8xf32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected digits to be at least 1, but got 0}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 0, k = 2}
  return
}

// -----

func.func @address_decode_c5_width_is_no_multiple(%x: memref<1x2x8xf32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected digits to divide the width of x (dim 2), but got 3 and 8}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 3, k = 2}
  return
}

// -----

func.func @address_decode_c6_more_slots_than_an_i32_holds(%x: memref<1x2x62xf32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected at most 2147483647 slots, but got 2^31}}
  effattn.address_decode ins(%x : memref<1x2x62xf32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 31, k = 2}
  return
}

// -----

func.func @address_decode_c7_more_than_there_are(%x: memref<1x2x4xf32>, %w: memref<1x2x5xf32>, %i: memref<1x2x5xi32>) {
  // expected-error @below {{expected k to be at most the number of slots, but got 5 and 4}}
  effattn.address_decode ins(%x : memref<1x2x4xf32>) outs(%w, %i : memref<1x2x5xf32>, memref<1x2x5xi32>) {digits = 2, k = 5}
  return
}

// -----

func.func @address_decode_c8_periods_of_another_number(%x: memref<1x2x8xf32>, %p: memref<1x2xi32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected periods to hold 2 integers, one a digit, but got 3}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) positions(%p : memref<1x2xi32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 2, k = 2, periods = array<i64: 1, 2, 3>}
  return
}

// -----

func.func @address_decode_c8_period_is_negative(%x: memref<1x2x8xf32>, %p: memref<1x2xi32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected periods[0] to be at least 1, but got -1}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) positions(%p : memref<1x2xi32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 2, k = 2, periods = array<i64: -1, 2>}
  return
}

// -----

func.func @address_decode_c9_steps_of_another_number(%x: memref<1x2x8xf32>, %p: memref<1x2xi32>, %w: memref<1x2x2xf32>, %i: memref<1x2x2xi32>) {
  // expected-error @below {{expected steps to hold 2 integers, one a digit, but got 0}}
  effattn.address_decode ins(%x : memref<1x2x8xf32>) positions(%p : memref<1x2xi32>) outs(%w, %i : memref<1x2x2xf32>, memref<1x2x2xi32>) {digits = 2, k = 2, steps = array<i64>}
  return
}

// -----

func.func @address_decode_c10_no_values_to_turn(%x: memref<1x2x0xf32>, %p: memref<1x2xi32>, %w: memref<1x2x0xf32>, %i: memref<1x2x0xi32>) {
  // expected-error @below {{expected x (dim 2) to hold at least one value per digit, because there are positions, but got 0}}
  effattn.address_decode ins(%x : memref<1x2x0xf32>) positions(%p : memref<1x2xi32>) outs(%w, %i : memref<1x2x0xf32>, memref<1x2x0xi32>) {digits = 2, k = 0}
  return
}

// -----

func.func @address_memory_c1_gamma_is_negative(%w: memref<1x2x1xf32>, %wi: memref<1x2x1xi32>, %v: memref<1x2x3xf32>, %r: memref<1x2x1xf32>, %ri: memref<1x2x1xi32>, %out: memref<1x2x3xf32>, %memory: memref<1x9x3xf32>, %mass: memref<1x9xf32>) {
  // expected-error @below {{expected gamma to be finite and at least 0, but got -5.0}}
  effattn.address_memory ins(%w, %wi, %v, %r, %ri : memref<1x2x1xf32>, memref<1x2x1xi32>, memref<1x2x3xf32>, memref<1x2x1xf32>, memref<1x2x1xi32>)
    outs(%out, %memory, %mass : memref<1x2x3xf32>, memref<1x9x3xf32>, memref<1x9xf32>) {gamma = -0.5}
  return
}

// -----

func.func @address_memory_c1_gamma_is_infinite(%w: memref<1x2x1xf32>, %wi: memref<1x2x1xi32>, %v: memref<1x2x3xf32>, %r: memref<1x2x1xf32>, %ri: memref<1x2x1xi32>, %out: memref<1x2x3xf32>, %memory: memref<1x9x3xf32>, %mass: memref<1x9xf32>) {
  // expected-error @below {{expected gamma to be finite and at least 0, but got}}
  effattn.address_memory ins(%w, %wi, %v, %r, %ri : memref<1x2x1xf32>, memref<1x2x1xi32>, memref<1x2x3xf32>, memref<1x2x1xf32>, memref<1x2x1xi32>)
    outs(%out, %memory, %mass : memref<1x2x3xf32>, memref<1x9x3xf32>, memref<1x9xf32>) {gamma = 0x7F800000 : f32}
  return
}

// -----

func.func @address_memory_is_no_f32(%w: memref<1x2x1xf32>, %wi: memref<1x2x1xi32>, %v: memref<1x2x3xf32>, %r: memref<1x2x1xf32>, %ri: memref<1x2x1xi32>, %out: memref<1x2x3xf32>, %memory: memref<1x9x3xbf16>, %mass: memref<1x9xf32>) {
  // expected-error @below {{expected memory to have element type f32, but got 'bf16'}}
  effattn.address_memory ins(%w, %wi, %v, %r, %ri : memref<1x2x1xf32>, memref<1x2x1xi32>, memref<1x2x3xf32>, memref<1x2x1xf32>, memref<1x2x1xi32>)
    outs(%out, %memory, %mass : memref<1x2x3xf32>, memref<1x9x3xbf16>, memref<1x9xf32>) {gamma = 1.0}
  return
}

// -----

func.func @vector_quantize_c1_no_groups(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<4xi32>) {
  // expected-error @below {{expected groups to be at least 1, but got 0}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %x : memref<4xi32>, memref<4x8xf32>) {groups = 0}
  return
}

// -----

func.func @vector_quantize_c1_width_is_no_multiple(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<4x3xi32>) {
  // expected-error @below {{expected groups to divide the width of x (dim 1), but got 3 and 8}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %x : memref<4x3xi32>, memref<4x8xf32>) {groups = 3}
  return
}

// -----

func.func @vector_quantize_c2_codes_without_groups(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<4xi32>) {
  // expected-error @below {{expected codes to have rank 2 [..., groups], but got 'memref<4xi32>'}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %x : memref<4xi32>, memref<4x8xf32>) {groups = 2}
  return
}

// -----

func.func @vector_quantize_c2_codes_of_another_rank(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<i32>) {
  // expected-error @below {{expected codes to have rank 1 [...], but got 'memref<i32>'}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %x : memref<i32>, memref<4x8xf32>)
  return
}

// -----

func.func @vector_quantize_c2_codes_of_other_groups(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<4x3xi32>) {
  // expected-error @below {{expected codes (dim 1) to equal groups, but got 3 and 2}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %x : memref<4x3xi32>, memref<4x8xf32>) {groups = 2}
  return
}

// -----

func.func @vector_quantize_c3_no_codes(%x: memref<4x8xf32>, %book: memref<0x8xf32>, %codes: memref<4xi32>) {
  // expected-error @below {{expected codebook size (dim 0) to be at least 1, but got 0}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<0x8xf32>) outs(%codes, %x : memref<4xi32>, memref<4x8xf32>)
  return
}

// -----

func.func @vector_quantize_c4_more_codes_than_an_i32_names(%x: memref<4x8xf32>, %book: memref<2147483648x8xf32>, %codes: memref<4xi32>) {
  // expected-error @below {{expected codebook size (dim 0) to be at most 2147483647, but got 2147483648}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<2147483648x8xf32>) outs(%codes, %x : memref<4xi32>, memref<4x8xf32>)
  return
}

// -----

// expected-note @below {{x is 'memref<4x8xf32>'}}
func.func @vector_quantize_widths_differ(%x: memref<4x8xf32>, %book: memref<5x6xf32>, %codes: memref<4xi32>) {
  // expected-error @below {{expected codebook width (dim 1) to equal x width (dim 1), but got 6 and 8}}
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x6xf32>) outs(%codes, %x : memref<4xi32>, memref<4x8xf32>)
  return
}
