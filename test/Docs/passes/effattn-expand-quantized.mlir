// RUN: effattn-opt %s -effattn-expand-quantized='vector-bits=512 vector-registers=32 byte-dots' -canonicalize -cse | FileCheck %s
// The row is rounded to bytes once; then each row of the table is a dot
// product of bytes.
func.func @head(%x: memref<1x640xf32>, %codes4: memref<?x320xi8>, %codes8: memref<?x640xi8>, %kind: memref<?xi1>,
                %row: memref<?xi32>, %scales: memref<?x20xf32>, %out: memref<1x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales : memref<1x640xf32>, memref<?x320xi8>, memref<?x640xi8>, memref<?xi1>, memref<?xi32>, memref<?x20xf32>)
    outs(%out : memref<1x?xf32>) {activation = #effattn.precision<i8>}
  return
}
// CHECK-NOT: effattn.quantized_matmul
// CHECK: vector<64xi8>
