// RUN: effattn-opt %s -split-input-file -effattn-tile-contractions | FileCheck %s

// Rows by columns in parallel; inside, the column runs innermost.
// CHECK: #[[A:.*]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK: #[[B:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK: #[[C:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: @product
// CHECK:         scf.forall {{.*}} step (8, 512)
// CHECK:           linalg.fill
// CHECK:           linalg.generic {indexing_maps = [#[[A]], #[[B]], #[[C]]], iterator_types = ["reduction", "parallel", "parallel"]}
// CHECK:             arith.mulf {{.*}} fastmath<contract>
// CHECK:             arith.addf {{.*}} fastmath<contract>
func.func @product(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
    outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// Both factors run along the sum: dot products.
// CHECK-LABEL: @transposed
// CHECK:         iterator_types = ["parallel", "parallel", "reduction"]
// CHECK:           arith.addf {{.*}} fastmath<reassoc,contract>
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (j, k)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @transposed(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.contract indexing_maps = [#a, #b, #c]
    ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// One row, one column, and a batch.
// CHECK-LABEL: @vectors
// CHECK:         scf.forall {{.*}} step (512)
// CHECK:           iterator_types = ["parallel", "reduction"]
// CHECK:         scf.forall {{.*}} step (512)
// CHECK:           iterator_types = ["reduction", "parallel"]
// CHECK:         scf.forall {{.*}} step (1, 8, 512)
// CHECK:           iterator_types = ["parallel", "reduction", "parallel", "parallel"]
func.func @vectors(%a: tensor<?x?xf32>, %x: tensor<?xf32>, %y: tensor<?xf32>, %b: tensor<?x?x?xf32>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?x?x?xf32>) {
  %0 = linalg.matvec ins(%a, %x : tensor<?x?xf32>, tensor<?xf32>) outs(%y : tensor<?xf32>) -> tensor<?xf32>
  %1 = linalg.vecmat ins(%y, %a : tensor<?xf32>, tensor<?x?xf32>) outs(%x : tensor<?xf32>) -> tensor<?xf32>
  %2 = linalg.batch_matmul ins(%b, %b : tensor<?x?x?xf32>, tensor<?x?x?xf32>)
    outs(%b : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?x?x?xf32>
}

// -----

// In a parallel loop already: only the order changes. Integers keep their sums.
// CHECK-LABEL: @inside
// CHECK:         scf.forall (%{{.*}}) in (4)
// CHECK-NOT:     scf.forall
// CHECK:           iterator_types = ["reduction", "parallel", "parallel"]
// CHECK:             arith.addi
func.func @inside(%a: tensor<8x8xi32>, %c: tensor<8x8xi32>) -> tensor<8x8xi32> {
  %0 = scf.forall (%i) in (4) shared_outs(%out = %c) -> tensor<8x8xi32> {
    %1 = linalg.matmul ins(%a, %a : tensor<8x8xi32>, tensor<8x8xi32>) outs(%c : tensor<8x8xi32>) -> tensor<8x8xi32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %1 into %out[0, 0] [8, 8] [1, 1] : tensor<8x8xi32> into tensor<8x8xi32>
    }
  }
  return %0 : tensor<8x8xi32>
}

// -----

// Not a contraction, and one on memrefs, which is only ordered.
// CHECK-LABEL: @others
// CHECK:         linalg.add
// CHECK-NOT:     scf.forall
// CHECK:         iterator_types = ["reduction", "parallel", "parallel"]
func.func @others(%a: tensor<8x8xf32>, %m: memref<8x8xf32>, %n: memref<8x8xf32>) -> tensor<8x8xf32> {
  %0 = linalg.add ins(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%a : tensor<8x8xf32>) -> tensor<8x8xf32>
  linalg.matmul ins(%m, %m : memref<8x8xf32>, memref<8x8xf32>) outs(%n : memref<8x8xf32>)
  return %0 : tensor<8x8xf32>
}

// -----

// Nothing to sum: there is nothing to tile.
// CHECK-LABEL: @empty_sum
// CHECK-NOT:     scf.forall
func.func @empty_sum(%a: tensor<2x0xf32>, %b: tensor<0x5xf32>, %c: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<2x0xf32>, tensor<0x5xf32>)
    outs(%c : tensor<2x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}
