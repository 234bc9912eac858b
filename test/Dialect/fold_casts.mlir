// RUN: effattn-opt %s -canonicalize | FileCheck %s

// Sizes that casts hide are known to ops with regions, with and without masks.
// CHECK-LABEL: @attention
// CHECK-SAME:    %[[Q:.*]]: tensor<1x2x4x8xf32>, %[[K:.*]]: tensor<1x2x?x8xf32>, %[[OUT:.*]]: tensor<1x2x4x8xf32>, %[[LSE:.*]]: tensor
// CHECK:         %[[MASKED:.*]]:2 = effattn.attention ins(%[[Q]], %[[K]], %[[K]] : tensor<1x2x4x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
// CHECK-SAME:      outs(%[[OUT]], %[[LSE]] : tensor<1x2x4x8xf32>, tensor<1x2x4xf32>)
// CHECK-SAME:      mask
// CHECK-NEXT:      effattn.causal_mask
// CHECK:         %[[CAST:.*]] = tensor.cast %[[MASKED]]#0 : tensor<1x2x4x8xf32> to tensor<?x?x?x?xf32>
// CHECK:         %[[PLAIN:.*]] = effattn.attention
// CHECK-SAME:      outs(%[[OUT]] : tensor<1x2x4x8xf32>)
// CHECK:         %[[SECOND:.*]] = tensor.cast %[[PLAIN]]
// CHECK:         return %[[CAST]], %[[MASKED]]#1, %[[SECOND]]
func.func @attention(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x?x8xf32>, %out: tensor<1x2x4x8xf32>, %lse: tensor<1x2x4xf32>)
    -> (tensor<?x?x?x?xf32>, tensor<1x2x4xf32>, tensor<?x?x?x?xf32>) {
  %keys = tensor.cast %k : tensor<1x2x?x8xf32> to tensor<?x?x?x?xf32>
  %o = tensor.cast %out : tensor<1x2x4x8xf32> to tensor<?x?x?x?xf32>
  %0:2 = effattn.attention ins(%q, %keys, %keys : tensor<1x2x4x8xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%o, %lse : tensor<?x?x?x?xf32>, tensor<1x2x4xf32>) mask {
    %m = effattn.causal_mask
    effattn.yield %m : !effattn.mask
  }
  %1 = effattn.attention ins(%q, %keys, %keys : tensor<1x2x4x8xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%o : tensor<?x?x?x?xf32>)
  return %0#0, %0#1, %1 : tensor<?x?x?x?xf32>, tensor<1x2x4xf32>, tensor<?x?x?x?xf32>
}
