// RUN: effattn-opt %s -effattn-fuse-dechunk-residual \
// RUN:   | FileCheck %s
// RUN: effattn-opt %s -effattn-convert-to-linalg | FileCheck %s --check-prefix=LINALG

// A comment that stays.
// CHECK-LABEL: @from_before
// CHECK-NOT: nothing
func.func @sum(%h: tensor<2x?x8xf32>, %y: tensor<2x?x8xf32>, %p: tensor<2x?xf32>, %mask: tensor<2x?xi1>,
    %out: tensor<2x?x8xf32>, %state: tensor<2x8xf32>) -> (tensor<2x?x8xf32>, tensor<2x8xf32>) {
  %e:2 = effattn.dechunk ins(%y, %p, %mask : tensor<2x?x8xf32>, tensor<2x?xf32>, tensor<2x?xi1>)
    outs(%out, %state : tensor<2x?x8xf32>, tensor<2x8xf32>)
  %sum = arith.addf %e#0, %h : tensor<2x?x8xf32>
  return %sum, %e#1 : tensor<2x?x8xf32>, tensor<2x8xf32>
}

func.func @flat(%x: tensor<2x?x8xf32>) -> tensor<?x8xf32> {
  %flat = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x?x8xf32> into tensor<?x8xf32>
  return %flat : tensor<?x8xf32>
}
