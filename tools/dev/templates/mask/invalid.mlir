// RUN: effattn-opt %s @PLUGINS@-split-input-file -verify-diagnostics

func.func @@NAME@_c1_negative(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{'@DIALECT@.@NAME@' op expected reach to be at least 0 and below 2^31, but got -1}}
    %mask = @DIALECT@.@NAME@ {reach = -1}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// -----

func.func @@NAME@_c1_far(%keep: tensor<1x1x2x2xi1>) {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    // expected-error @below {{to be at least 0 and below 2^31, but got 2147483648}}
    %mask = @DIALECT@.@NAME@ {reach = 2147483648}
    effattn.yield %mask : !effattn.mask
  }
  return
}
