// RUN: effattn-opt %s @RUN@ | FileCheck %s
// A conjunction of one mask is that mask.
func.func @of_one_part(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %mask = effattn.mask_and %causal
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}
// CHECK: effattn.causal_mask
// CHECK-NEXT: effattn.yield
