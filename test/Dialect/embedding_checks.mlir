// RUN: effattn-opt %s -effattn-insert-checks -canonicalize -cse | FileCheck %s

// CHECK-LABEL: @embedding_c1_ids_have_rows
// CHECK-SAME:    %[[IDS:.*]]: tensor<?x4xi32>, %[[TABLE:.*]]: tensor<?x8xf32>
// CHECK:         %[[V:.*]] = tensor.dim %[[TABLE]], %c0
// CHECK:         scf.for %[[ROW:.*]] = %c0 to
// CHECK:           scf.for %[[COLUMN:.*]] = %c0 to %c4
// CHECK:             %[[LOADED:.*]] = tensor.extract %[[IDS]][%[[ROW]], %[[COLUMN]]]
// CHECK:             %[[ID:.*]] = arith.index_cast %[[LOADED]]
// CHECK:             effattn.check %{{.*}}, "'effattn.embedding' op expected ids to lie in [0, {0}), but got {1} at [{2}, {3}]"(%[[V]], %[[ID]], %[[ROW]], %[[COLUMN]] :
func.func @embedding_c1_ids_have_rows(%ids: tensor<?x4xi32>, %table: tensor<?x8xf32>, %out: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %rows = effattn.embedding ins(%ids, %table : tensor<?x4xi32>, tensor<?x8xf32>) outs(%out : tensor<?x4x8xf32>)
  return %rows : tensor<?x4x8xf32>
}

// CHECK-LABEL: @embedding_c1_one_id
// CHECK-NOT:     scf.for
// CHECK:         effattn.check %{{.*}}, "'effattn.embedding' op expected ids to lie in [0, {0}), but got {1} at []"(%c5, %
func.func @embedding_c1_one_id(%id: memref<i64>, %table: memref<5x8xf32>, %out: memref<8xf32>) {
  effattn.embedding ins(%id, %table : memref<i64>, memref<5x8xf32>) outs(%out : memref<8xf32>)
  return
}

// C2, C3, C4.
// CHECK-LABEL: @lora_of_dynamic_sizes
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected weights domains (last dim) to equal a domains (dim 0), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected weights rows (dim 0) to equal ids rows (dim 0), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected ids to lie in [0, {0}), but got {1} at [{2}]"
func.func @lora_of_dynamic_sizes(%ids: memref<?xi32>, %table: memref<9x8xf32>, %a: memref<?x9x4xf32>, %b: memref<?x4x8xf32>,
    %w: memref<?x?xf32>, %out: memref<?x8xf32>) {
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<?xi32>, memref<9x8xf32>, memref<?x9x4xf32>, memref<?x4x8xf32>)
    weights(%w : memref<?x?xf32>) outs(%out : memref<?x8xf32>)
  return
}

// C3, C4: ids are bounded by what turns them into rows, and maps by their tables.
// CHECK-LABEL: @split_by_a_map
// CHECK-SAME:    %{{.*}}: memref<2xi32>, %{{.*}}: memref<4x8xf32>, %{{.*}}: memref<9x8xf32>, %[[MAP:.*]]: memref<7xi64>
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected ids to lie in [0, {0}), but got {1} at [{2}]"(%c7, %[[ID:.*]], %
// CHECK:         memref.load %[[MAP]][%[[ID]]]
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected invariant_map to lie in [0, {0}), but got {1} at [{2}]"(%c4, %{{.*}}, %[[ID]] :
// CHECK-NOT:     effattn.check
func.func @split_by_a_map(%ids: memref<2xi32>, %i: memref<4x8xf32>, %v: memref<9x8xf32>, %map: memref<7xi64>, %out: memref<2x8xf32>) {
  effattn.split_embedding ins(%ids, %i, %v : memref<2xi32>, memref<4x8xf32>, memref<9x8xf32>)
    invariant_map(%map : memref<7xi64>) outs(%out : memref<2x8xf32>)
  return
}

// C1, C2.
// CHECK-LABEL: @split_of_dynamic_widths
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected variant width (dim 1) to equal invariant width (dim 1) where combine is add, but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected out width (dim 1) to equal the width of the rows, but got {0} and {1}"
func.func @split_of_dynamic_widths(%ids: memref<2xi32>, %i: memref<4x?xf32>, %v: memref<9x?xf32>, %out: memref<2x?xf32>) {
  effattn.split_embedding ins(%ids, %i, %v : memref<2xi32>, memref<4x?xf32>, memref<9x?xf32>) outs(%out : memref<2x?xf32>)
  return
}

// C2, C3, C4, C6, C7.
// CHECK-LABEL: @train_of_dynamic_cores
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected core_0 rank (dim 0) to be 1, because it is an outermost one, but got {0}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected core_1 rank (dim 0) to equal core_0 rank (dim 3), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected core_1 rank (dim 3) to be 1, because it is an outermost one, but got {0}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected out width (dim 1) to equal the product of all m (dim 2 of the cores), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected vocabulary to be at most the product of all n (dim 1 of the cores), but got {0} and {1}"(%c9, %
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected ids to lie in [0, {0}), but got {1} at [{2}]"(%c9, %
func.func @train_of_dynamic_cores(%ids: memref<?xi32>, %c: memref<?x?x?x?xf32>, %d: memref<?x?x?x?xf32>, %out: memref<?x?xf32>) {
  effattn.tensor_train_embedding ins(%ids, %c, %d : memref<?xi32>, memref<?x?x?x?xf32>, memref<?x?x?x?xf32>) outs(%out : memref<?x?xf32>)
    {vocabulary = 9}
  return
}

// 2^80 rows count as 2^63 - 1.
// CHECK-LABEL: @tensor_train_embedding_c7_many_rows
// CHECK-COUNT-1: effattn.check %{{.*}}, "{{.*}}expected ids to lie in [0, {0}), but got {1} at [{2}]"(%c9223372036854775807, %
// CHECK-NOT:     effattn.check
func.func @tensor_train_embedding_c7_many_rows(%ids: memref<?xi64>, %c: memref<1x1099511627776x1x1xf32>, %out: memref<?x1xf32>) {
  effattn.tensor_train_embedding ins(%ids, %c, %c : memref<?xi64>, memref<1x1099511627776x1x1xf32>, memref<1x1099511627776x1x1xf32>)
    outs(%out : memref<?x1xf32>)
  return
}

// C1, C2, C5, C6, C7, C8: only what an id leads to is looked at.
// CHECK-LABEL: @rows_of_a_dynamic_table
// CHECK-SAME:    %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?x?xi8>, %{{.*}}: tensor<?x?xi8>, %[[KIND:.*]]: tensor<?xi1>, %[[INDEX:.*]]: tensor<?xi32>, %{{.*}}: tensor<?x?xf32>, %[[NEAREST:.*]]: tensor<?xi32>
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected codes4 to have {0} bytes (dim 1) for the {1} columns of codes8 (dim 1), but got {2}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected groups of scales (dim 1) to divide the {0} columns of codes8 (dim 1), but got {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected ids to lie in [0, {0}), but got {1} at [{2}]"(%{{.*}}, %[[ID:.*]], %
// CHECK:         tensor.extract %[[INDEX]][%[[ID]]]
// CHECK:         %[[WIDE:.*]] = tensor.extract %[[KIND]][%[[ID]]]
// CHECK:         scf.if %[[WIDE]]
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected row_index to lie in [0, {0}), the rows of codes8, but got {1} at [{2}]"(%{{.*}}, %{{.*}}, %[[ID]] :
// CHECK:         else
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected row_index to lie in [0, {0}), the rows of codes4, but got {1} at [{2}]"
// CHECK:         tensor.extract %[[NEAREST]][%[[ID]]]
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected nearest to be -1 or the id of an 8-bit row, but got {0} at [{1}]"(%[[SOURCE:.*]], %[[ID]] :
// CHECK:         tensor.extract %[[INDEX]][%[[SOURCE]]]
// CHECK:         effattn.check %{{.*}}, "'effattn.quantized_embedding' op expected the codes of codes8 to lie in [-127, 127], but got -128 in row {0}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected the codes of codes4 to lie in [-7, 7], but got -8 in row {0}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected the codes of codes8 to lie in [-127, 127], but got -128 in row {0}"
func.func @rows_of_a_dynamic_table(%ids: tensor<?xi32>, %c4: tensor<?x?xi8>, %c8: tensor<?x?xi8>, %kind: tensor<?xi1>,
    %row: tensor<?xi32>, %s: tensor<?x?xf32>, %n: tensor<?xi32>, %w: tensor<?xf32>, %out: tensor<?x?xf16>) -> tensor<?x?xf16> {
  %rows = effattn.quantized_embedding ins(%ids, %c4, %c8, %kind, %row, %s :
      tensor<?xi32>, tensor<?x?xi8>, tensor<?x?xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x?xf32>)
    nearest(%n, %w : tensor<?xi32>, tensor<?xf32>) outs(%out : tensor<?x?xf16>)
  return %rows : tensor<?x?xf16>
}

// C1, C2, C5, C6: every row of the table is looked at.
// CHECK-LABEL: @product_with_a_dynamic_table
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected codes4 to have {0} bytes (dim 1) for the {1} columns of codes8 (dim 1), but got {2}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected groups of scales (dim 1) to divide the {0} columns of codes8 (dim 1), but got {1}"
// CHECK:         scf.for %[[ID:.*]] = %c0 to
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected row_index to lie in [0, {0}), the rows of codes8, but got {1} at [{2}]"(%{{.*}}, %{{.*}}, %[[ID]] :
// CHECK:           effattn.check %{{.*}}, "{{.*}}expected nearest to be -1 or the id of an 8-bit row, but got {0} at [{1}]"
// CHECK-NOT:       the codes of
// CHECK:           effattn.quantized_matmul
func.func @product_with_a_dynamic_table(%x: memref<?xf32>, %c4: memref<?x?xi8>, %c8: memref<?x?xi8>, %kind: memref<?xi1>,
    %row: memref<?xi32>, %s: memref<?x?xf32>, %n: memref<?xi32>, %w: memref<?xf32>, %out: memref<?xf32>) {
  effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %s :
      memref<?xf32>, memref<?x?xi8>, memref<?x?xi8>, memref<?xi1>, memref<?xi32>, memref<?x?xf32>)
    nearest(%n, %w : memref<?xi32>, memref<?xf32>) outs(%out : memref<?xf32>)
  return
}
