// RUN: effattn-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: @nested_parts_stand_side_by_side
// CHECK:           %[[MASK:.*]] = effattn.mask_or %[[A:.*]], %[[B:.*]], %[[C:.*]]
// CHECK-NEXT:      effattn.yield %[[MASK]]
func.func @nested_parts_stand_side_by_side(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %a = effattn.causal_mask
    %b = effattn.window_mask {size = 2}
    %c = effattn.initial_mask {count = 2}
    %inner = effattn.mask_or %a, %b
    %mask = effattn.mask_or %inner, %c, %a
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// CHECK-LABEL: @of_one_part
// CHECK:           %[[A:.*]] = effattn.causal_mask
// CHECK-NEXT:      effattn.yield %[[A]]
func.func @of_one_part(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %a = effattn.causal_mask
    %mask = effattn.mask_and %a, %a
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// CHECK-LABEL: @twice_negated
// CHECK:           %[[A:.*]] = effattn.causal_mask
// CHECK-NEXT:      effattn.yield %[[A]]
func.func @twice_negated(%keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<?x?x?x?xi1>) mask {
    %a = effattn.causal_mask
    %b = effattn.mask_not %a
    %mask = effattn.mask_not %b
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}
