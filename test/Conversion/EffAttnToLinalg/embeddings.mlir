// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not='= effattn.'

// Blocks of rows in parallel, an id loaded once a row.
// CHECK-LABEL: @embedding
// CHECK-SAME:    %[[IDS:.*]]: tensor<3x?xi32>, %[[TABLE:.*]]: tensor<?x?xbf16>
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in (3, %{{.*}})
// CHECK:           scf.for
// CHECK:             tensor.extract %[[IDS]]
// CHECK:             scf.for
// CHECK:               tensor.extract %[[TABLE]]
// CHECK-NOT:           arith.extf
func.func @embedding(%ids: tensor<3x?xi32>, %table: tensor<?x?xbf16>, %out: tensor<3x?x?xbf16>) -> tensor<3x?x?xbf16> {
  %rows = effattn.embedding ins(%ids, %table : tensor<3x?xi32>, tensor<?x?xbf16>) outs(%out : tensor<3x?x?xbf16>)
  return %rows : tensor<3x?x?xbf16>
}

// CHECK-LABEL: @embedding_of_one_id
// CHECK-NOT:     scf.forall
// CHECK:         scf.for
func.func @embedding_of_one_id(%id: tensor<i64>, %table: tensor<?x?xf32>, %out: tensor<?xf32>) -> tensor<?xf32> {
  %row = effattn.embedding ins(%id, %table : tensor<i64>, tensor<?x?xf32>) outs(%out : tensor<?xf32>)
  return %row : tensor<?xf32>
}

// CHECK-LABEL: @embedding_of_no_columns
// CHECK-SAME:    %[[OUT:[^:]*]]: tensor<?x0xf32>) ->
// CHECK-NEXT:    return %[[OUT]]
func.func @embedding_of_no_columns(%ids: tensor<?xi64>, %table: tensor<?x0xf32>, %out: tensor<?x0xf32>) -> tensor<?x0xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?xi64>, tensor<?x0xf32>) outs(%out : tensor<?x0xf32>)
  return %rows : tensor<?x0xf32>
}

// The sums of a block stand in one row of scratch; nothing as large as the table.
// CHECK-LABEL: @lora_embedding
// CHECK:         scf.forall
// CHECK:           %[[SUMS:.*]] = bufferization.alloc_tensor() : tensor<8xf32>
// CHECK-NOT:       bufferization.alloc_tensor
// CHECK:           linalg.generic
// CHECK:             arith.extf
func.func @lora_embedding(%ids: tensor<?xi32>, %table: tensor<?x8xf16>, %a: tensor<?x?x?xf16>, %b: tensor<?x?x8xf16>,
    %w: tensor<?x?xf32>, %out: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %rows = effattn.lora_embedding ins(%ids, %table, %a, %b : tensor<?xi32>, tensor<?x8xf16>, tensor<?x?x?xf16>, tensor<?x?x8xf16>)
    weights(%w : tensor<?x?xf32>) outs(%out : tensor<?x8xf16>)
  return %rows : tensor<?x8xf16>
}

// CHECK-LABEL: @split_embedding
// CHECK-SAME:    %{{.*}}: tensor<?xi32>, %[[I:.*]]: tensor<4x3xf32>, %[[V:.*]]: tensor<9x2xf32>, %[[MAP:.*]]: tensor<9xi32>
// CHECK:         tensor.extract %[[MAP]]
// CHECK:         scf.for
// CHECK:           tensor.extract %[[I]]
// CHECK:         scf.for
// CHECK:           tensor.extract %[[V]]
func.func @split_embedding(%ids: tensor<?xi32>, %i: tensor<4x3xf32>, %v: tensor<9x2xf32>, %map: tensor<9xi32>, %out: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %rows = effattn.split_embedding ins(%ids, %i, %v : tensor<?xi32>, tensor<4x3xf32>, tensor<9x2xf32>)
    invariant_map(%map : tensor<9xi32>) outs(%out : tensor<?x5xf32>) {combine = #effattn.combine<concat>}
  return %rows : tensor<?x5xf32>
}

// One temporary a core; digits from the least significant one on.
// CHECK-LABEL: @tensor_train_embedding
// CHECK:         scf.forall
// CHECK-COUNT-2:   bufferization.alloc_tensor
// CHECK:           %[[LAST:.*]] = arith.remui %{{.*}}, %c5
// CHECK:           arith.divui %{{.*}}, %c5
// CHECK:           arith.remui %{{.*}}, %c4
func.func @tensor_train_embedding(%ids: tensor<?xi32>, %c: tensor<1x4x?x?xf32>, %d: tensor<?x5x?x1xf32>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %rows = effattn.tensor_train_embedding ins(%ids, %c, %d : tensor<?xi32>, tensor<1x4x?x?xf32>, tensor<?x5x?x1xf32>)
    outs(%out : tensor<?x?xf32>)
  return %rows : tensor<?x?xf32>
}

// Codes to one a byte, then scales.
// CHECK-LABEL: @quantized_embedding
// CHECK-SAME:    %{{.*}}: tensor<?xi32>, %[[CODES4:.*]]: tensor<?x4xi8>, %[[CODES8:.*]]: tensor<?x7xi8>
// CHECK:         scf.forall
// CHECK:           bufferization.alloc_tensor() : tensor<8xi8>
// CHECK:           scf.if
// CHECK:             tensor.extract %[[CODES8]]
// CHECK:           else
// CHECK:             tensor.extract %[[CODES4]]
// CHECK:             arith.shli
// CHECK:             arith.shrsi
// CHECK:           arith.sitofp %{{.*}} : i8 to f32
// CHECK:           arith.truncf %{{.*}} : f32 to bf16
func.func @quantized_embedding(%ids: tensor<?xi32>, %c4: tensor<?x4xi8>, %c8: tensor<?x7xi8>, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %s: tensor<?x1xf32>, %out: tensor<?x7xbf16>) -> tensor<?x7xbf16> {
  %rows = effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      tensor<?xi32>, tensor<?x4xi8>, tensor<?x7xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x1xf32>)
    outs(%out : tensor<?x7xbf16>)
  return %rows : tensor<?x7xbf16>
}

// C8: codes are checked by the lowering. Sixteen rows of the table at a time,
// activations rounded in f64.
// CHECK-LABEL: @quantized_matmul
// CHECK:         scf.for
// CHECK:           effattn.check %{{.*}}, "'effattn.quantized_matmul' op expected the codes of codes8 to lie in [-127, 127], but got -128 in row {0}"
// CHECK:           effattn.check %{{.*}}, "'effattn.quantized_matmul' op expected the codes of codes4 to lie in [-7, 7], but got -8 in row {0}"
// CHECK:         scf.forall
// CHECK:           math.roundeven %{{.*}} : f64
// CHECK:         scf.forall
// CHECK:           bufferization.alloc_tensor() : tensor<16x8xf32>
// CHECK:           arith.addf %{{.*}}, %{{.*}} fastmath<reassoc,contract> : f32
func.func @quantized_matmul(%x: tensor<?x8xf16>, %c4: tensor<?x4xi8>, %c8: tensor<?x8xi8>, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %s: tensor<?x2xf32>, %out: tensor<?x?xf16>) -> tensor<?x?xf16> {
  %logits = effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      tensor<?x8xf16>, tensor<?x4xi8>, tensor<?x8xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x2xf32>)
    outs(%out : tensor<?x?xf16>) {activation = #effattn.precision<i8>}
  return %logits : tensor<?x?xf16>
}
