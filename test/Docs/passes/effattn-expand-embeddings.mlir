// RUN: effattn-opt %s -effattn-expand-embeddings='vector-bits=512 vector-registers=32' -canonicalize -cse | FileCheck %s
// Rows of the table and their changes of low rank are added by vectors.
func.func @look_up(%ids: memref<?xi32>, %table: memref<?x512xf32>, %a: memref<1x?x8xf32>, %b: memref<1x8x512xf32>,
                   %out: memref<?x512xf32>) {
  effattn.lora_embedding ins(%ids, %table, %a, %b : memref<?xi32>, memref<?x512xf32>, memref<1x?x8xf32>, memref<1x8x512xf32>)
    outs(%out : memref<?x512xf32>)
  return
}
// CHECK-NOT: effattn.lora_embedding
// CHECK: vector<16xf32>
