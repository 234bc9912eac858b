// RUN: effattn-opt %s -effattn-build-quantized-kernels -canonicalize -cse | FileCheck %s
// There are kernels for few rows, whose dot products are of bytes, and kernels of tiles for many. A bad code is an error.
func.func @head(%x: memref<?x64xf32>, %codes4: memref<?x32xi8>, %codes8: memref<?x64xi8>, %kind: memref<?xi1>,
                %row: memref<?xi32>, %scales: memref<?x2xf16>, %out: memref<?x?xf32>) {
  effattn.quantized_matmul ins(%x, %codes4, %codes8, %kind, %row, %scales : memref<?x64xf32>, memref<?x32xi8>, memref<?x64xi8>, memref<?xi1>, memref<?xi32>, memref<?x2xf16>)
    outs(%out : memref<?x?xf32>) {activation = #effattn.precision<i8>}
  return
}
// CHECK: gpu.launch
// CHECK-NOT: {{^ *}}effattn.quantized_matmul
