// RUN: effattn-opt %s -effattn-fuse-quantized-top-k | FileCheck %s
// Each block of the vocabulary keeps its five best logits; the last op chooses
// among those.
func.func @head(%x: tensor<1x8xf32>, %c4: tensor<?x4xi8>, %c8: tensor<?x8xi8>, %kind: tensor<?xi1>,
                %row: tensor<?xi32>, %scales: tensor<?x2xf32>, %logits: tensor<1x?xf32>, %v: tensor<1x5xf32>,
                %i: tensor<1x5xi32>) -> (tensor<1x5xf32>, tensor<1x5xi32>) {
  %all = effattn.quantized_matmul ins(%x, %c4, %c8, %kind, %row, %scales : tensor<1x8xf32>, tensor<?x4xi8>,
    tensor<?x8xi8>, tensor<?xi1>, tensor<?xi32>, tensor<?x2xf32>) outs(%logits : tensor<1x?xf32>)
  %values, %ids = effattn.top_k ins(%all : tensor<1x?xf32>) outs(%v, %i : tensor<1x5xf32>, tensor<1x5xi32>) {k = 5}
  return %values, %ids : tensor<1x5xf32>, tensor<1x5xi32>
}
// CHECK: scf.forall
// CHECK: effattn.quantized_matmul
// CHECK: effattn.top_k
// CHECK: }
// CHECK: effattn.top_k
