// RUN: effattn-opt %s -effattn-convert-to-linalg | FileCheck %s

// CHECK-LABEL: @on_tensors
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: arith.divf
// CHECK-NOT: linalg.softmax
func.func @on_tensors(%x: tensor<?x16xf32>, %out: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x16xf32>) outs(%out : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// CHECK-LABEL: @on_buffers
// CHECK: linalg.softmax
func.func @on_buffers(%x: memref<?x16xf32>, %out: memref<?x16xf32>) {
  linalg.softmax dimension(1) ins(%x : memref<?x16xf32>) outs(%out : memref<?x16xf32>)
  return
}
