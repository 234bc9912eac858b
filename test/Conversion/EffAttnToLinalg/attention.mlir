// RUN: effattn-opt %s -effattn-convert-to-linalg | FileCheck %s --implicit-check-not=effattn.

// Tiles of query rows are independent; a row carries its running softmax.
// CHECK-LABEL: @without_mask
// CHECK:         scf.forall
// CHECK:           scf.for
// CHECK:             math.exp
// CHECK:           tensor.parallel_insert_slice
func.func @without_mask(%q: tensor<?x?x?x?xf32>, %k: tensor<?x?x?x?xf32>, %v: tensor<?x?x?x?xf32>,
    %out: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%out : tensor<?x?x?x?xf32>)
  return %0 : tensor<?x?x?x?xf32>
}

// Columns are found and gathered before any query looks at them.
// CHECK-LABEL: @separators_are_gathered
// CHECK:         scf.forall (%{{[^,]*}}) in
// CHECK:         scf.forall (%{{[^,]*}}) in
// CHECK:         scf.forall (%{{[^,]*}}, %{{[^,]*}}) in
// CHECK:           linalg.copy
// CHECK:         scf.forall (%{{[^,]*}}, %{{[^,]*}}) in
// CHECK:           linalg.copy
// CHECK:         scf.forall (%{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}) in
func.func @separators_are_gathered(%q: tensor<?x?x?x?xbf16>, %k: tensor<?x?x?x?xbf16>, %v: tensor<?x?x?x?xbf16>,
    %flags: tensor<?x?xi1>, %out: tensor<?x?x?x?xbf16>, %lse: tensor<?x?x?xf32>)
    -> (tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>) {
  %0:2 = effattn.attention ins(%q, %k, %v : tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>, tensor<?x?x?x?xbf16>)
    outs(%out, %lse : tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>) mask {
    %mask = effattn.separator_mask %flags : tensor<?x?xi1> {initial = 4, window = 64}
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<?x?x?x?xbf16>, tensor<?x?x?xf32>
}

// With positions of their own, keys stand in no order: nothing is gathered.
// CHECK-LABEL: @key_positions_have_no_ranges
// CHECK-NOT:     linalg.copy
// CHECK:         scf.forall (%{{[^,]*}}, %{{[^,]*}}, %{{[^,]*}}) in
func.func @key_positions_have_no_ranges(%q: tensor<1x4x3x8xf16>, %k: tensor<1x2x5x8xf16>, %positions: tensor<1x5xi64>,
    %out: tensor<1x4x3x8xf16>) -> tensor<1x4x3x8xf16> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x3x8xf16>, tensor<1x2x5x8xf16>, tensor<1x2x5x8xf16>)
    key_positions(%positions : tensor<1x5xi64>) outs(%out : tensor<1x4x3x8xf16>) mask {
    %mask = effattn.initial_mask {count = 2}
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x4x3x8xf16>
}

// CHECK-LABEL: @score_region
// CHECK:         math.tanh
// CHECK:         tensor.extract %{{.*}} : tensor<4xf32>
func.func @score_region(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x5x8xf32>, %bias: tensor<4xf32>,
    %out: tensor<1x4x3x8xf32>) -> tensor<1x4x3x8xf32> {
  %0 = effattn.attention ins(%q, %k, %k : tensor<1x4x3x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>)
    outs(%out : tensor<1x4x3x8xf32>) {softcap = 30.0} score {
  ^bb0(%score: f32, %b: index, %h: index, %query: index, %key: index):
    %one = tensor.extract %bias[%h] : tensor<4xf32>
    %sum = arith.addf %score, %one : f32
    effattn.yield %sum : f32
  }
  return %0 : tensor<1x4x3x8xf32>
}

// CHECK-LABEL: @on_buffers
// CHECK:         scf.forall
// CHECK:         bufferization.materialize_in_destination
func.func @on_buffers(%q: memref<1x4x3x8xf32>, %k: memref<1x2x5x8xf32>, %flags: memref<1x1x3x5xi1>, %out: memref<1x4x3x8xf32>) {
  effattn.attention ins(%q, %k, %k : memref<1x4x3x8xf32>, memref<1x2x5x8xf32>, memref<1x2x5x8xf32>)
    outs(%out : memref<1x4x3x8xf32>) mask {
    %mask = effattn.dense_mask %flags : memref<1x1x3x5xi1>
    effattn.yield %mask : !effattn.mask
  }
  return
}

// CHECK-LABEL: @merged
// CHECK:         scf.forall
func.func @merged(%out1: tensor<?x?x?x?xf16>, %lse1: tensor<?x?x?xf32>, %out: tensor<?x?x?x?xf16>, %lse: tensor<?x?x?xf32>)
    -> (tensor<?x?x?x?xf16>, tensor<?x?x?xf32>) {
  %0:2 = effattn.merge_attention ins(%out1, %lse1, %out1, %lse1
      : tensor<?x?x?x?xf16>, tensor<?x?x?xf32>, tensor<?x?x?x?xf16>, tensor<?x?x?xf32>)
    outs(%out, %lse : tensor<?x?x?x?xf16>, tensor<?x?x?xf32>)
  return %0#0, %0#1 : tensor<?x?x?x?xf16>, tensor<?x?x?xf32>
}

// CHECK-LABEL: @materialized
// CHECK:         linalg.generic
func.func @materialized(%offset: tensor<?xi32>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask offset(%offset : tensor<?xi32>) outs(%keep : tensor<?x?x?x?xi1>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// CHECK-LABEL: @separators
// CHECK:         arith.constant dense<[11, 13]> : tensor<2xindex>
// CHECK:         linalg.generic
// CHECK:         linalg.generic
func.func @separators(%ids: tensor<?x?xi32>, %bitmap: tensor<?xi1>, %flags: tensor<?x?xi1>) -> (tensor<?x?xi1>, tensor<?x?xi1>) {
  %0 = effattn.separator_positions ins(%ids : tensor<?x?xi32>) outs(%flags : tensor<?x?xi1>) {separators = array<i64: 11, 13>}
  %1 = effattn.separator_positions ins(%ids : tensor<?x?xi32>) bitmap(%bitmap : tensor<?xi1>) outs(%flags : tensor<?x?xi1>)
  return %0, %1 : tensor<?x?xi1>, tensor<?x?xi1>
}

// Products with the ends of a table are taken once a query row; a key further
// away than the table reaches costs neither a product nor a row of values.
// CHECK-LABEL: @relative_tables
// CHECK-SAME:    %[[A:[a-z0-9]+]]: tensor<33x8xf32>, %[[B:[a-z0-9]+]]: tensor<33x8xf32>
// CHECK:         %[[ROW:.*]] = arith.subi %c33
// CHECK:         scf.forall
// CHECK:           %[[FIRST:.*]] = scf.for {{.*}} -> (f32)
// CHECK:             tensor.extract %[[A]][%c0
// CHECK:           %[[LAST:.*]] = scf.for {{.*}} -> (f32)
// CHECK:             tensor.extract %[[A]][%[[ROW]],
// CHECK:           scf.if
// CHECK:             arith.select %{{.*}}, %[[FIRST]], %[[LAST]] : f32
// CHECK:           } else {
// CHECK:             tensor.extract %[[A]]
// CHECK:           math.exp
// CHECK:           scf.if
// CHECK:             tensor.insert %{{.*}} into %{{.*}} : tensor<2xf32>
// CHECK:           } else {
// CHECK:             linalg.generic
// CHECK:               tensor.extract %[[B]]
func.func @relative_tables(%a: tensor<33x8xf32>, %b: tensor<33x8xf32>, %q: tensor<1x4x?x8xf32>, %k: tensor<1x2x?x8xf32>,
    %v: tensor<1x2x?x8xf32>, %out: tensor<1x4x?x8xf32>, %out2: tensor<1x4x?x8xf32>)
    -> (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %k : tensor<1x4x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
    relative_keys(%a : tensor<33x8xf32>) relative_values(%b : tensor<33x8xf32>)
    outs(%out, %out2 : tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>
}
