// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @embedding_another_type(%ids: memref<3xi32>, %table: memref<4x8xf16>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected out to have the element type of table, 'f16', but got 'f32'}}
  effattn.embedding ins(%ids, %table : memref<3xi32>, memref<4x8xf16>) outs(%out : memref<3x8xf32>)
  return
}

// -----

// expected-note @below {{ids is 'memref<3x2xi32>'}}
func.func @embedding_another_shape(%ids: memref<3x2xi32>, %table: memref<4x8xf16>, %out: memref<3x1x8xf16>) {
  // expected-error @below {{expected out size (dim 1) to equal ids size (dim 1), but got 1 and 2}}
  effattn.embedding ins(%ids, %table : memref<3x2xi32>, memref<4x8xf16>) outs(%out : memref<3x1x8xf16>)
  return
}

// -----

func.func @embedding_another_rank(%ids: memref<3x2xi32>, %table: memref<4x8xf16>, %out: memref<3x8xf16>) {
  // expected-error @below {{expected out to have rank 3, with 2 leading dimensions as ids, but got 'memref<3x8xf16>'}}
  effattn.embedding ins(%ids, %table : memref<3x2xi32>, memref<4x8xf16>) outs(%out : memref<3x8xf16>)
  return
}

// -----

func.func @lora_embedding_c1_weights_of_rank_3(%ids: memref<3xi32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x4x8xf32>,
    %w: memref<1x3x2xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected weights to be [Dn] or [B, Dn] of f32, bf16 or f16, but got 'memref<1x3x2xf32>'}}
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<3xi32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x4x8xf32>)
    weights(%w : memref<1x3x2xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @lora_embedding_c1_weights_of_integers(%ids: memref<3xi32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x4x8xf32>,
    %w: memref<2xi32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected weights to be [Dn] or [B, Dn] of f32, bf16 or f16, but got 'memref<2xi32>'}}
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<3xi32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x4x8xf32>)
    weights(%w : memref<2xi32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @lora_embedding_c2_other_domains(%ids: memref<3xi32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x4x8xf32>,
    %w: memref<3xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected weights domains (last dim) to equal a domains (dim 0), but got 3 and 2}}
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<3xi32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x4x8xf32>)
    weights(%w : memref<3xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @lora_embedding_c3_other_rows(%ids: memref<3xi32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x4x8xf32>,
    %w: memref<4x2xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected weights rows (dim 0) to equal ids rows (dim 0), but got 4 and 3}}
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<3xi32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x4x8xf32>)
    weights(%w : memref<4x2xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @lora_embedding_c3_no_rows(%id: memref<i32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x4x8xf32>,
    %w: memref<1x2xf32>, %out: memref<8xf32>) {
  // expected-error @below {{expected ids to have a first dimension, as weights (dim 0) have rows, but got 'memref<i32>'}}
  effattn.lora_embedding ins(%id, %table, %a, %b : memref<i32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x4x8xf32>)
    weights(%w : memref<1x2xf32>) outs(%out : memref<8xf32>)
  return
}

// -----

// expected-note @below {{a is 'memref<2x9x4xf32>'}}
func.func @lora_embedding_another_rank(%id: memref<i32>, %table: memref<9x8xf32>, %a: memref<2x9x4xf32>, %b: memref<2x5x8xf32>, %out: memref<8xf32>) {
  // expected-error @below {{expected b rank (dim 1) to equal a rank (dim 2), but got 5 and 4}}
  effattn.lora_embedding ins(%id, %table, %a, %b : memref<i32>, memref<9x8xf32>, memref<2x9x4xf32>, memref<2x5x8xf32>)
    outs(%out : memref<8xf32>)
  return
}

// -----

func.func @split_embedding_c1_sum_of_two_widths(%ids: memref<3xi32>, %i: memref<4x8xf32>, %v: memref<9x6xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected variant width (dim 1) to equal invariant width (dim 1) where combine is add, but got 6 and 8}}
  effattn.split_embedding ins(%ids, %i, %v : memref<3xi32>, memref<4x8xf32>, memref<9x6xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @split_embedding_c2_widths_that_overflow(%ids: memref<3xi32>, %i: memref<4x3xf32>, %v: memref<9x9223372036854775807xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected a width of the rows that fits into 64 bits, but got 3 and 9223372036854775807}}
  effattn.split_embedding ins(%ids, %i, %v : memref<3xi32>, memref<4x3xf32>, memref<9x9223372036854775807xf32>) outs(%out : memref<3x8xf32>) {combine = #effattn.combine<concat>}
  return
}

// -----

func.func @split_embedding_c2_sum_of_another_width(%ids: memref<3xi32>, %i: memref<4x?xf32>, %v: memref<9x6xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected out width (dim 1) to equal the width of the rows, but got 8 and 6}}
  effattn.split_embedding ins(%ids, %i, %v : memref<3xi32>, memref<4x?xf32>, memref<9x6xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @split_embedding_c2_parts_of_another_width(%id: memref<i32>, %i: memref<4x8xf32>, %v: memref<9x6xf32>, %out: memref<8xf32>) {
  // expected-error @below {{expected out width (dim 0) to equal the width of the rows, but got 8 and 14}}
  effattn.split_embedding ins(%id, %i, %v : memref<i32>, memref<4x8xf32>, memref<9x6xf32>) outs(%out : memref<8xf32>)
    {combine = #effattn.combine<concat>}
  return
}

// -----

func.func @tensor_train_embedding_c1_no_cores(%ids: memref<3xi32>, %out: memref<3x1xf32>) {
  // expected-error @below {{expected at least one core, but got none}}
  "effattn.tensor_train_embedding"(%ids, %out) : (memref<3xi32>, memref<3x1xf32>) -> ()
  return
}

// -----

func.func @tensor_train_embedding_c2_rank_before(%ids: memref<3xi32>, %c: memref<2x4x8x1xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected core_0 rank (dim 0) to be 1, because it is an outermost one, but got 2}}
  effattn.tensor_train_embedding ins(%ids, %c : memref<3xi32>, memref<2x4x8x1xf32>) outs(%out : memref<3x8xf32>)
  return
}

// -----

func.func @tensor_train_embedding_c2_rank_behind(%ids: memref<3xi32>, %c: memref<1x4x8x1xf32>, %d: memref<1x4x8x0xf32>, %out: memref<3x64xf32>) {
  // expected-error @below {{expected core_1 rank (dim 3) to be 1, because it is an outermost one, but got 0}}
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<3xi32>, memref<1x4x8x1xf32>, memref<1x4x8x0xf32>) outs(%out : memref<3x64xf32>)
  return
}

// -----

func.func @tensor_train_embedding_c3_broken_chain(%ids: memref<3xi32>, %c: memref<1x4x8x3xf32>, %d: memref<2x4x8x1xf32>, %out: memref<3x64xf32>) {
  // expected-error @below {{expected core_1 rank (dim 0) to equal core_0 rank (dim 3), but got 2 and 3}}
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<3xi32>, memref<1x4x8x3xf32>, memref<2x4x8x1xf32>) outs(%out : memref<3x64xf32>)
  return
}

// -----

func.func @tensor_train_embedding_c4_another_width(%ids: memref<3xi32>, %c: memref<1x4x8x3xf32>, %d: memref<3x4x8x1xf32>, %out: memref<3x60xf32>) {
  // expected-error @below {{expected out width (dim 1) to equal the product of all m (dim 2 of the cores), but got 60 and 64}}
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<3xi32>, memref<1x4x8x3xf32>, memref<3x4x8x1xf32>) outs(%out : memref<3x60xf32>)
  return
}

// -----

func.func @tensor_train_embedding_c5_negative(%ids: memref<3xi32>, %c: memref<1x4x8x1xf32>, %out: memref<3x8xf32>) {
  // expected-error @below {{expected vocabulary to be at least 0, but got -1}}
  effattn.tensor_train_embedding ins(%ids, %c : memref<3xi32>, memref<1x4x8x1xf32>) outs(%out : memref<3x8xf32>) {vocabulary = -1}
  return
}

// -----

func.func @tensor_train_embedding_c6_too_many(%ids: memref<3xi32>, %c: memref<1x4x8x?xf32>, %d: memref<?x5x8x1xf32>, %out: memref<3x64xf32>) {
  // expected-error @below {{expected vocabulary to be at most the product of all n (dim 1 of the cores), but got 21 and 20}}
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<3xi32>, memref<1x4x8x?xf32>, memref<?x5x8x1xf32>) outs(%out : memref<3x64xf32>)
    {vocabulary = 21}
  return
}

// -----

func.func @tensor_train_embedding_of_two_types(%ids: memref<3xi32>, %c: memref<1x4x8x1xf32>, %d: memref<1x4x8x1xf16>, %out: memref<3x64xf32>) {
  // expected-error @below {{expected cores to have the element type of cores, 'f32', but got 'f16'}}
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<3xi32>, memref<1x4x8x1xf32>, memref<1x4x8x1xf16>) outs(%out : memref<3x64xf32>)
  return
}
