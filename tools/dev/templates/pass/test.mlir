// RUN: effattn-opt %s @RUN@ | FileCheck %s

// CHECK-LABEL: @of_one_part
// CHECK:         %[[CAUSAL:.*]] = effattn.causal_mask
// CHECK-NEXT:    effattn.yield %[[CAUSAL]]
func.func @of_one_part(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %mask = effattn.mask_and %causal
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}

// CHECK-LABEL: @of_two_parts
// CHECK:         effattn.mask_and
func.func @of_two_parts(%keep: tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 2}
    %mask = effattn.mask_and %causal, %window
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x?x?xi1>
}
