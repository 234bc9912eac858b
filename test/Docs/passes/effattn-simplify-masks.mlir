// RUN: effattn-opt %s -effattn-simplify-masks | FileCheck %s
// The smaller of two windows decides, and saying causal twice says nothing new.
func.func @keys(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %small = effattn.window_mask {size = 3}
    %large = effattn.window_mask {size = 4}
    %again = effattn.causal_mask
    %mask = effattn.mask_and %causal, %large, %small, %again
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}
// CHECK: effattn.causal_mask
// CHECK-NEXT: effattn.window_mask {size = 3
// CHECK-NEXT: effattn.mask_and
// CHECK-NEXT: effattn.yield
