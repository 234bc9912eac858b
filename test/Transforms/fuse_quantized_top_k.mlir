// RUN: effattn-opt %s -split-input-file -effattn-fuse-quantized-top-k | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-fuse-quantized-top-k -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-fuse-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Blocks of 1024 rows of the vocabulary, each with its best; then the best of
// those. Codes stay whole: rows say where they stand in them.
// REMARK: remark: [Passed] quantized-top-k
// CHECK-LABEL: @head
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x8xf32>, %[[C4:[^:]*]]: tensor<?x4xi8>, %[[C8:[^:]*]]: tensor<?x8xi8>, %[[KIND:[^:]*]]: tensor<?xi1>
// CHECK-NOT:     effattn.quantized_matmul
// CHECK:         %[[BEST:.*]]:2 = scf.forall
// CHECK:           arith.constant 0xFF800000 : f32
// CHECK:           %[[ROWS:.*]] = tensor.extract_slice %[[KIND]]
// CHECK:           effattn.quantized_matmul ins(%[[X]], %[[C4]], %[[C8]], %[[ROWS]],
// CHECK:           effattn.top_k {{.*}} {k = 5 : i64}
// CHECK:         %[[ALL:.*]] = tensor.collapse_shape %[[BEST]]#0
// CHECK:         effattn.top_k ins(%[[ALL]]
// CHECK:         tensor.extract %[[BEST]]#1
func.func @head(%x: tensor<?x8xf32>, %c4: tensor<?x4xi8>, %c8: tensor<?x8xi8>, %kind: tensor<?xi1>, %at: tensor<?xi32>,
    %scales: tensor<?x2xf32>, %logits: tensor<?x?xf32>, %v: tensor<?x5xf32>, %i: tensor<?x5xi32>)
    -> (tensor<?x5xf32>, tensor<?x5xi32>) {
  %all = effattn.quantized_matmul
    ins(%x, %c4, %c8, %kind, %at, %scales : tensor<?x8xf32>, tensor<?x4xi8>, tensor<?x8xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x2xf32>)
    outs(%logits : tensor<?x?xf32>)
  %values, %indices = effattn.top_k ins(%all : tensor<?x?xf32>) outs(%v, %i : tensor<?x5xf32>, tensor<?x5xi32>) {k = 5}
  return %values, %indices : tensor<?x5xf32>, tensor<?x5xi32>
}

// -----

// REMARK: remark: [Missed] quantized-top-k
// REMARK-SAME: rows take from other rows
// REMARK: remark: [Missed] quantized-top-k
// REMARK-SAME: the logits have other uses
// REMARK-NOT: remark
// CHECK-LABEL: @whole
// CHECK-NOT:     scf.forall
func.func @whole(%x: tensor<8xf32>, %c4: tensor<9x4xi8>, %c8: tensor<9x8xi8>, %kind: tensor<9xi1>, %at: tensor<9xi32>,
    %scales: tensor<9x1xf32>, %near: tensor<9xi32>, %weight: tensor<9xf32>, %logits: tensor<9xf32>, %v: tensor<2xf32>,
    %i: tensor<2xi32>) -> (tensor<2xi32>, tensor<2xi32>, tensor<9xf32>) {
  %near_logits = effattn.quantized_matmul
    ins(%x, %c4, %c8, %kind, %at, %scales : tensor<8xf32>, tensor<9x4xi8>, tensor<9x8xi8>, tensor<9xi1>, tensor<9xi32>, tensor<9x1xf32>)
    nearest(%near, %weight : tensor<9xi32>, tensor<9xf32>) outs(%logits : tensor<9xf32>)
  %0:2 = effattn.top_k ins(%near_logits : tensor<9xf32>) outs(%v, %i : tensor<2xf32>, tensor<2xi32>) {k = 2}
  %used = effattn.quantized_matmul
    ins(%x, %c4, %c8, %kind, %at, %scales : tensor<8xf32>, tensor<9x4xi8>, tensor<9x8xi8>, tensor<9xi1>, tensor<9xi32>, tensor<9x1xf32>)
    outs(%logits : tensor<9xf32>)
  %1:2 = effattn.top_k ins(%used : tensor<9xf32>) outs(%v, %i : tensor<2xf32>, tensor<2xi32>) {k = 2}
  return %0#1, %1#1, %used : tensor<2xi32>, tensor<2xi32>, tensor<9xf32>
}
