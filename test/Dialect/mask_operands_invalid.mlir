// RUN: effattn-opt %s -split-input-file -verify-diagnostics

// The sizes of a mask's operands are compared with those of the op around it,
// so their ranks and element types are checked before.
func.func @mask_operand_of_lower_rank(%flags: tensor<?xi1>, %out: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
  %keep = effattn.materialize_mask outs(%out : tensor<1x1x4x4xi1>) mask {
    // expected-error @below {{'effattn.separator_mask' op expected is_separator to have rank 2 [B, S], but got 'tensor<?xi1>'}}
    %mask = effattn.separator_mask %flags : tensor<?xi1> {initial = 1, window = 1}
    effattn.yield %mask : !effattn.mask
  }
  return %keep : tensor<1x1x4x4xi1>
}

// -----

func.func @mask_operand_of_other_type(%lengths: tensor<1xf32>, %out: tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1> {
  %keep = effattn.materialize_mask outs(%out : tensor<1x1x4x4xi1>) mask {
    // expected-error @below {{'effattn.length_mask' op expected lengths to have element type i32 or i64, but got 'f32'}}
    %mask = effattn.length_mask %lengths : tensor<1xf32>
    effattn.yield %mask : !effattn.mask
  }
  return %keep : tensor<1x1x4x4xi1>
}
