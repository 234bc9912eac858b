// RUN: effattn-opt %s -split-input-file -effattn-trace-ops -canonicalize | FileCheck %s
// What ops take, computed by hand: the counts are constants where sizes are.

// 3 queries of 4 heads see 5 keys: 2 x 4 x 15 x (8 + 8).
// Bytes: 4 x (96 + 80 + 96), keys and values being the same memory.
// CHECK-LABEL: @every_key
// CHECK: "effattn.attention" flops(%c1920) bytes(%c1088)
func.func @every_key(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %out: tensor<1x4x3x8xf32>)
    -> tensor<1x4x3x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>)
    outs(%out : tensor<1x4x3x8xf32>)
  return %0 : tensor<1x4x3x8xf32>
}

// -----

// Queries at positions 2, 3 and 4 keep 3 + 4 + 5 keys: 2 x 4 x 12 x 16.
// CHECK-LABEL: @causal
// CHECK: "effattn.attention" flops(%c1536)
func.func @causal(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %out: tensor<1x4x3x8xf32>)
    -> tensor<1x4x3x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>)
    outs(%out : tensor<1x4x3x8xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<1x4x3x8xf32>
}

// -----

// 5 queries at positions -2 to 2 keep 0 + 0 + 1 + 2 + 3 of 3 keys: 2 x 1 x 6 x 16, and two batch rows.
// CHECK-LABEL: @queries_before_the_first_key
// CHECK: "effattn.attention" flops(%c384)
func.func @queries_before_the_first_key(%q: tensor<2x1x5x8xf32>, %k: tensor<2x1x3x8xf32>, %out: tensor<2x1x5x8xf32>)
    -> tensor<2x1x5x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<2x1x5x8xf32>, tensor<2x1x3x8xf32>, tensor<2x1x3x8xf32>)
    outs(%out : tensor<2x1x5x8xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<2x1x5x8xf32>
}

// -----

// A window of 2 over 4 queries keeps 1 + 2 + 2 + 2: 2 x 1 x 7 x 16. What documents drop is data.
// CHECK-LABEL: @window_in_documents
// CHECK: "effattn.attention" flops(%c224) bytes(%c400)
func.func @window_in_documents(%q: tensor<1x1x4x8xf32>, %k: tensor<1x1x4x8xf32>, %ids: tensor<1x4xi32>,
    %out: tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>)
    outs(%out : tensor<1x1x4x8xf32>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 2}
    %document = effattn.document_mask %ids, %ids : tensor<1x4xi32>, tensor<1x4xi32>
    %mask = effattn.mask_and %causal, %window, %document
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x4x8xf32>
}

// -----

// An offset of 10 puts all queries behind the 6 keys: 2 x 1 x 18 x 16.
// CHECK-LABEL: @queries_behind_the_last_key
// CHECK: "effattn.attention" flops(%c576)
func.func @queries_behind_the_last_key(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x6x8xf32>, %out: tensor<1x1x3x8xf32>)
    -> tensor<1x1x3x8xf32> {
  %c10 = arith.constant 10 : index
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x1x3x8xf32>, tensor<1x1x6x8xf32>, tensor<1x1x6x8xf32>)
    offset(%c10 : index) outs(%out : tensor<1x1x3x8xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<1x1x3x8xf32>
}

// -----

// Lengths are data, which a loop adds up: for each row, and before the span.
// CHECK-LABEL: @lengths_of_rows
// CHECK: %[[SUMS:.+]]:2 = scf.for
// CHECK: tensor.extract %{{.*}} : tensor<2xi32>
// CHECK: effattn.begin_span
// CHECK: "effattn.attention"
func.func @lengths_of_rows(%q: tensor<2x1x1x8xf32>, %k: tensor<2x1x512x8xf32>, %keys: tensor<2xi32>,
    %out: tensor<2x1x1x8xf32>) -> tensor<2x1x1x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<2x1x1x8xf32>, tensor<2x1x512x8xf32>, tensor<2x1x512x8xf32>)
    key_lengths(%keys : tensor<2xi32>) outs(%out : tensor<2x1x1x8xf32>)
  return %0 : tensor<2x1x1x8xf32>
}

// -----

// 6 rows of 4 numbers are read and written, 2 bytes each, and 6 ids: not the table. Nothing is computed.
// CHECK-LABEL: @rows_of_a_table
// CHECK: effattn.end_span %{{.+}}, "effattn.embedding" flops(%c0) bytes(%c120)
func.func @rows_of_a_table(%ids: tensor<2x3xi32>, %table: tensor<9999x4xbf16>, %out: tensor<2x3x4xbf16>)
    -> tensor<2x3x4xbf16> {
  %rows = effattn.embedding ins(%ids, %table : tensor<2x3xi32>, tensor<9999x4xbf16>) outs(%out : tensor<2x3x4xbf16>)
  return %rows : tensor<2x3x4xbf16>
}

// -----

// A table of 2 rows is not more than whole: 24 + 16 + 48 bytes.
// CHECK-LABEL: @rows_of_a_small_table
// CHECK: "effattn.embedding" flops(%c0) bytes(%c88)
func.func @rows_of_a_small_table(%ids: tensor<2x3xi32>, %table: tensor<2x4xbf16>, %out: tensor<2x3x4xbf16>)
    -> tensor<2x3x4xbf16> {
  %rows = effattn.embedding ins(%ids, %table : tensor<2x3xi32>, tensor<2x4xbf16>) outs(%out : tensor<2x3x4xbf16>)
  return %rows : tensor<2x3x4xbf16>
}

// -----

// A token of 2 heads of 4: 2 x 32 bytes read, as many of the caches read and written, and the length.
// CHECK-LABEL: @state
// CHECK: "effattn.kv_cache_append" bytes(%c200)
func.func @state(%k: tensor<1x2x1x4xf32>, %keys: tensor<1x2x512x4xf32>, %values: tensor<1x2x512x4xf32>,
    %length: tensor<1xi32>) -> (tensor<1x2x512x4xf32>, tensor<1x2x512x4xf32>, tensor<1xi32>) {
  %v = tensor.empty() : tensor<1x2x1x4xf32>
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>)
    outs(%keys, %values, %length : tensor<1x2x512x4xf32>, tensor<1x2x512x4xf32>, tensor<1xi32>)
  return %0#0, %0#1, %0#2 : tensor<1x2x512x4xf32>, tensor<1x2x512x4xf32>, tensor<1xi32>
}

// -----

// 3 rows times 3 matrices of 4 x 5, and 15 times an activation and a product: 3 x (6 x 20 + 2 x 5).
// CHECK-LABEL: @feed_forward
// CHECK: "effattn.gated_ffn" flops(%c390) bytes(%c336)
func.func @feed_forward(%x: tensor<3x4xf32>, %gate: tensor<4x5xf32>, %up: tensor<4x5xf32>, %down: tensor<5x4xf32>,
    %out: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %rows = effattn.gated_ffn ins(%x, %gate, %up, %down
    : tensor<3x4xf32>, tensor<4x5xf32>, tensor<4x5xf32>, tensor<5x4xf32>)
    outs(%out : tensor<3x4xf32>) {activation = #effattn.activation<silu>}
  return %rows : tensor<3x4xf32>
}

// -----

// A token reads the 2 of 8 experts that it chose: 3 x 2 x 20 weights. 2 x (6 x 20 + 2 x 5) operations.
// CHECK-LABEL: @experts
// CHECK: "effattn.moe_ffn" flops(%c260) bytes(%c528)
func.func @experts(%x: tensor<1x4xf32>, %gates: tensor<1x2xf32>, %chosen: tensor<1x2xi32>,
    %gate: tensor<8x4x5xf32>, %up: tensor<8x4x5xf32>, %down: tensor<8x5x4xf32>, %out: tensor<1x4xf32>)
    -> tensor<1x4xf32> {
  %sums = effattn.moe_ffn ins(%x, %gates, %chosen, %gate, %up, %down
    : tensor<1x4xf32>, tensor<1x2xf32>, tensor<1x2xi32>, tensor<8x4x5xf32>, tensor<8x4x5xf32>, tensor<8x5x4xf32>)
    outs(%out : tensor<1x4xf32>) {activation = #effattn.activation<silu>}
  return %sums : tensor<1x4xf32>
}

// -----

// With a residual there is one more sum for each of 20 results: 3 x 8 + 20.
// CHECK-LABEL: @sum_with_a_residual
// CHECK: "effattn.dechunk" flops(%c44)
func.func @sum_with_a_residual(%y: tensor<1x2x4xf32>, %p: tensor<1x5xf32>, %mask: tensor<1x5xi1>,
    %h: tensor<1x5x4xf32>, %out: tensor<1x5x4xf32>, %state: tensor<1x4xf32>)
    -> (tensor<1x5x4xf32>, tensor<1x4xf32>) {
  %e, %next = effattn.dechunk ins(%y, %p, %mask : tensor<1x2x4xf32>, tensor<1x5xf32>, tensor<1x5xi1>)
    residual(%h : tensor<1x5x4xf32>) outs(%out, %state : tensor<1x5x4xf32>, tensor<1x4xf32>)
  return %e, %next : tensor<1x5x4xf32>, tensor<1x4xf32>
}

// -----

// Without one there is not: 3 x 8.
// CHECK-LABEL: @no_residual
// CHECK: "effattn.dechunk" flops(%c24)
func.func @no_residual(%y: tensor<1x2x4xf32>, %p: tensor<1x5xf32>, %mask: tensor<1x5xi1>,
    %out: tensor<1x5x4xf32>, %state: tensor<1x4xf32>) -> (tensor<1x5x4xf32>, tensor<1x4xf32>) {
  %e, %next = effattn.dechunk ins(%y, %p, %mask : tensor<1x2x4xf32>, tensor<1x5xf32>, tensor<1x5xi1>)
    outs(%out, %state : tensor<1x5x4xf32>, tensor<1x4xf32>)
  return %e, %next : tensor<1x5x4xf32>, tensor<1x4xf32>
}

// -----

// 2 x 3 x 4 x 5 operations on bytes, whose sums are read and written: 12 + 20 + 2 x 60 bytes.
// CHECK-LABEL: @integers
// CHECK: "linalg.matmul" flops(%c120) bytes(%c152)
func.func @integers(%a: tensor<3x4xi8>, %b: tensor<4x5xi8>, %c: tensor<3x5xi32>) -> tensor<3x5xi32> {
  %0 = linalg.matmul ins(%a, %b : tensor<3x4xi8>, tensor<4x5xi8>) outs(%c : tensor<3x5xi32>) -> tensor<3x5xi32>
  return %0 : tensor<3x5xi32>
}

// -----

// 3 x 3 windows at 2 x 2 places: 36 products and sums. The loops over a window are those of the filter.
// CHECK-LABEL: @convolution
// CHECK: "linalg.conv_2d" flops(%c72) bytes(%c132)
func.func @convolution(%x: tensor<4x4xf32>, %w: tensor<3x3xf32>, %y: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = linalg.conv_2d ins(%x, %w : tensor<4x4xf32>, tensor<3x3xf32>) outs(%y : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
