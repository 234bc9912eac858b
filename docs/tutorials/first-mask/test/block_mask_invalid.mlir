// RUN: effattn-opt %s %plugins -split-input-file -verify-diagnostics

func.func @block_mask_c1_zero(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'my.block_mask' op expected size to be at least 1 and below 2^31, but got 0}}
    %mask = my.block_mask {size = 0}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @block_mask_c1_far(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{to be at least 1 and below 2^31, but got 2147483648}}
    %mask = my.block_mask {size = 2147483648}
    effattn.yield %mask : !effattn.mask
  }
  return
}
