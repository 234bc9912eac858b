// RUN: effattn-opt %s @PLUGINS@-split-input-file -verify-diagnostics

// expected-note @below {{x is 'tensor<?x4xf32>'}}
func.func @columns(%x: tensor<?x4xf32>, %out: tensor<?x5xf32>) {
  // expected-error @below {{'@DIALECT@.@NAME@' op expected out width (dim 1) to equal x width (dim 1), but got 5 and 4}}
  %0 = @DIALECT@.@NAME@ ins(%x : tensor<?x4xf32>) outs(%out : tensor<?x5xf32>) {factor = 2.0}
  return
}

// -----

func.func @element_types(%x: tensor<?x4xf32>, %out: tensor<?x4xf16>) {
  // expected-error @below {{expected out to have the element type of x, 'f32', but got 'f16'}}
  %0 = @DIALECT@.@NAME@ ins(%x : tensor<?x4xf32>) outs(%out : tensor<?x4xf16>) {factor = 2.0}
  return
}
