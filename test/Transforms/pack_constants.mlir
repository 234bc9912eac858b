// RUN: effattn-opt %s -split-input-file -effattn-pack-constants='columns=4' -canonicalize | FileCheck %s
// RUN: effattn-opt %s -split-input-file -effattn-pack-constants='columns=4' -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-pack-.* -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not effattn-opt %s -split-input-file -effattn-pack-constants='columns=0' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: expected columns to be at least 1, but got 0

// Two panels of four columns; behind the fifth column are zeros. In f16, 1 is
// 0x3C00, whose bytes are 003C here.
// REMARK: remark: [Passed] packed-matmul
// CHECK-LABEL: @project
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x2xf16>, %[[OUT:[^:]*]]: tensor<?x5xf32>
// CHECK:         %[[PANELS:.*]] = arith.constant dense_resource<panels> : tensor<2x2x4xf16>
// CHECK:         %[[ROWS:.*]] = effattn.packed_matmul ins(%[[X]], %[[PANELS]] : tensor<?x2xf16>, tensor<2x2x4xf16>) outs(%[[OUT]] : tensor<?x5xf32>)
// CHECK:         return %[[ROWS]]
// CHECK:         panels: "0x40000000003C004000420044004600470048004800450000000000008048000000000000"
func.func @project(%x: tensor<?x2xf16>, %out: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 8.0, 9.0]]> : tensor<2x5xf16>
  %zero = arith.constant 0.0 : f32
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x5xf32>) -> tensor<?x5xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x2xf16>, tensor<2x5xf16>) outs(%start : tensor<?x5xf32>) -> tensor<?x5xf32>
  return %0 : tensor<?x5xf32>
}

// -----

// A weight of two products is packed once; one in a resource, and rows of a
// batch.
// REMARK: remark: [Passed] packed-matmul
// CHECK-LABEL: @shared
// CHECK:         %[[PANELS:.*]] = arith.constant dense_resource<panels> : tensor<1x1x4xf32>
// CHECK-COUNT-2: effattn.packed_matmul ins(%{{.*}}, %[[PANELS]] :
// CHECK-NOT:     linalg
// CHECK:         return
#rows = affine_map<(b, t, n, k) -> (b, t, k)>
#weight = affine_map<(b, t, n, k) -> (k, n)>
#result = affine_map<(b, t, n, k) -> (b, t, n)>
func.func @shared(%x: tensor<?x?x1xf32>, %out: tensor<?x?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %w = arith.constant dense_resource<weight> : tensor<1x4xf32>
  %zero = arith.constant 0.0 : f32
  %start = linalg.fill ins(%zero : f32) outs(%out : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %0 = linalg.contract indexing_maps = [#rows, #weight, #result]
    ins(%x, %w : tensor<?x?x1xf32>, tensor<1x4xf32>) outs(%start : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %twice = arith.addf %x, %x : tensor<?x?x1xf32>
  %1 = linalg.contract indexing_maps = [#rows, #weight, #result]
    ins(%twice, %w : tensor<?x?x1xf32>, tensor<1x4xf32>) outs(%start : tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %0, %1 : tensor<?x?x4xf32>, tensor<?x?x4xf32>
}
{-# dialect_resources: { builtin: { weight: "0x040000000000803F000000400000404000008040" } } #-}

// -----

// Nothing would be gained, and a table would be stored twice.
// REMARK: remark: [Missed] packed-matmul
// REMARK-SAME: fewer columns than a panel
// REMARK: remark: [Missed] packed-matmul
// REMARK-SAME: one number
// REMARK: remark: [Missed] packed-matmul
// REMARK-SAME: other uses
// CHECK-LABEL: @left_alone
// CHECK-NOT:     effattn
// CHECK:         return
func.func @left_alone(%x: tensor<?x2xf32>, %narrow: tensor<?x3xf32>, %out: tensor<?x4xf32>)
    -> (tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<2x4xf32>) {
  %few = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %splat = arith.constant dense<1.0> : tensor<2x4xf32>
  %tied = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>
  %zero = arith.constant 0.0 : f32
  %a = linalg.fill ins(%zero : f32) outs(%narrow : tensor<?x3xf32>) -> tensor<?x3xf32>
  %b = linalg.fill ins(%zero : f32) outs(%out : tensor<?x4xf32>) -> tensor<?x4xf32>
  %0 = linalg.matmul ins(%x, %few : tensor<?x2xf32>, tensor<2x3xf32>) outs(%a : tensor<?x3xf32>) -> tensor<?x3xf32>
  %1 = linalg.matmul ins(%x, %splat : tensor<?x2xf32>, tensor<2x4xf32>) outs(%b : tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = linalg.matmul ins(%x, %tied : tensor<?x2xf32>, tensor<2x4xf32>) outs(%b : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %1, %2, %tied : tensor<?x3xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<2x4xf32>
}

// -----

// What is added to, integers, and products in a parallel loop are not looked
// at.
// REMARK-NOT: remark
// CHECK-LABEL: @no_weights
// CHECK-NOT:     effattn
// CHECK:         return
func.func @no_weights(%x: tensor<?x2xf32>, %sums: tensor<?x4xf32>, %n: tensor<?x2xi32>, %m: tensor<?x4xi32>)
    -> (tensor<?x4xf32>, tensor<?x4xi32>) {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>
  %v = arith.constant dense<[[1, 2, 3, 4], [4, 5, 6, 7]]> : tensor<2x4xi32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x4xf32>) outs(%sums : tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = linalg.matmul ins(%n, %v : tensor<?x2xi32>, tensor<2x4xi32>) outs(%m : tensor<?x4xi32>) -> tensor<?x4xi32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xi32>
}
