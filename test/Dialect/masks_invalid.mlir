// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @window_mask_c1(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.window_mask' op expected size to be at least 1 (the query counts), but got 0}}
    %mask = effattn.window_mask {size = 0}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @initial_mask_c1(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.initial_mask' op expected count to be at least 0, but got -1}}
    %mask = effattn.initial_mask {count = -1}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @separator_mask_c1(%flags: tensor<1x2xi1>, %keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.separator_mask' op expected initial to be at least 0, but got -2}}
    %mask = effattn.separator_mask %flags : tensor<1x2xi1> {initial = -2, window = 1}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @separator_mask_c2(%flags: tensor<1x2xi1>, %keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.separator_mask' op expected window to be at least 1 (the query counts), but got 0}}
    %mask = effattn.separator_mask %flags : tensor<1x2xi1> {initial = 2, window = 0}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @separator_positions_c1_neither(%ids: tensor<1x2xi32>, %flags: tensor<1x2xi1>) {
  // expected-error @below {{'effattn.separator_positions' op expected either separators or bitmap, but got neither}}
  %0 = effattn.separator_positions ins(%ids : tensor<1x2xi32>) outs(%flags : tensor<1x2xi1>)
  return
}

// -----

func.func @separator_positions_c1_both(%ids: tensor<1x2xi32>, %bitmap: tensor<9xi1>, %flags: tensor<1x2xi1>) {
  // expected-error @below {{'effattn.separator_positions' op expected either separators or bitmap, but got both}}
  %0 = effattn.separator_positions ins(%ids : tensor<1x2xi32>) bitmap(%bitmap : tensor<9xi1>)
    outs(%flags : tensor<1x2xi1>) {separators = array<i64: 3>}
  return
}

// -----

func.func @mask_of_other_size(%flags: tensor<1x3xi1>,
    // expected-note @below {{keep is 'tensor<1x1x2x2xi1>'}}
    %keep: tensor<1x1x2x2xi1>) {
  // expected-error @below {{'effattn.materialize_mask' op expected is_separator key count (dim 1) to equal keep key count (dim 3), but got 3 and 2}}
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    %mask = effattn.separator_mask %flags : tensor<1x3xi1> {initial = 2, window = 1}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @offset_of_other_size(
    // expected-note @below {{offset is 'tensor<3xi64>'}}
    %offset: tensor<3xi64>, %keep: tensor<2x1x2x2xi1>) {
  // expected-error @below {{'effattn.materialize_mask' op expected keep rows (dim 0) to equal offset rows (dim 0), but got 2 and 3}}
  %0 = effattn.materialize_mask offset(%offset : tensor<3xi64>) outs(%keep : tensor<2x1x2x2xi1>)
  return
}

// -----

func.func @mask_outside_of_a_region() {
  // expected-error @below {{'effattn.causal_mask' op expected to be inside the mask region of an op that uses a mask, such as effattn.attention}}
  %mask = effattn.causal_mask
  return
}

// -----

func.func @region_without_end(%keep: tensor<1x1x2x2xi1>) {
  // expected-error @below {{'effattn.materialize_mask' op expected the mask region to end with effattn.yield}}
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    %mask = effattn.causal_mask
  }
  return
}

// -----

func.func @region_yields_a_number(%keep: tensor<1x1x2x2xi1>, %x: f32) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.yield' op expected a value of type !effattn.mask, but got 'f32'}}
    effattn.yield %x : f32
  }
  return
}

// -----

func.func @region_with_arguments(%keep: tensor<1x1x2x2xi1>) {
  // expected-error @below {{'effattn.materialize_mask' op expected the mask region to have no arguments, but got 1}}
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
  ^bb0(%mask: !effattn.mask):
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @mask_of_a_caller(%keep: tensor<1x1x2x2xi1>, %mask: !effattn.mask) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.yield' op expected a mask made by a mask op of this region}}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @part_of_a_caller(%keep: tensor<1x1x2x2xi1>, %part: !effattn.mask) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'effattn.mask_not' op expected parts made by mask ops of the same region}}
    %mask = effattn.mask_not %part
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @other_ops_in_a_mask_region(%keep: tensor<1x1x2x2xi1>) {
  // expected-error @below {{'effattn.materialize_mask' op expected only mask ops in the mask region, but got tensor.empty}}
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    %flags = tensor.empty() : tensor<1x1x2x2xi1>
    %mask = effattn.dense_mask %flags : tensor<1x1x2x2xi1>
    effattn.yield %mask : !effattn.mask
  }
  return
}
