// RUN: effattn-opt %s -effattn-simplify-masks -remark-format=emitRemark \
// RUN:   -remarks-filter=effattn-simplify-masks -o /dev/null 2>&1 | FileCheck %s

// CHECK: RedundantParts{{.*}}1 of 2 parts of effattn.mask_and follow from the others
func.func @two_windows(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %small = effattn.window_mask {size = 3}
    %large = effattn.window_mask {size = 4}
    %mask = effattn.mask_and %small, %large
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// CHECK: UnknownPositions{{.*}}key_positions may hold any position
func.func @ring(%q: tensor<1x1x1x4xf32>, %k: tensor<1x1x8x4xf32>, %v: tensor<1x1x8x4xf32>,
    %positions: tensor<1x8xi64>, %out: tensor<1x1x1x4xf32>) -> tensor<1x1x1x4xf32> {
  %0 = effattn.attention ins(%q, %k, %v : tensor<1x1x1x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32>)
    key_positions(%positions : tensor<1x8xi64>) outs(%out : tensor<1x1x1x4xf32>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<1x1x1x4xf32>
}

// CHECK: DropFullRegion{{.*}}the mask keeps every key
func.func @one_query(%keep: tensor<2x1x1x?xi1>) -> tensor<2x1x1x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<2x1x1x?xi1>) mask {
    %causal = effattn.causal_mask
    effattn.yield %causal : !effattn.mask
  }
  return %0 : tensor<2x1x1x?xi1>
}
