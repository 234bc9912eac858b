// RUN: effattn-opt %s %plugins -split-input-file -verify-diagnostics

// expected-note @below {{x is 'tensor<?x4xf32>'}}
func.func @columns(%x: tensor<?x4xf32>, %out: tensor<?x5xf32>) {
  // expected-error @below {{'my.soft_cap' op expected out width (dim 1) to equal x width (dim 1), but got 5 and 4}}
  %0 = my.soft_cap ins(%x : tensor<?x4xf32>) outs(%out : tensor<?x5xf32>) {cap = 30.0}
  return
}

// -----

func.func @element_types(%x: tensor<?x4xf32>, %out: tensor<?x4xf16>) {
  // expected-error @below {{expected out to have the element type of x, 'f32', but got 'f16'}}
  %0 = my.soft_cap ins(%x : tensor<?x4xf32>) outs(%out : tensor<?x4xf16>) {cap = 30.0}
  return
}

// -----

func.func @cap_of_zero(%x: tensor<?x4xf32>, %out: tensor<?x4xf32>) {
  // expected-error @below {{expected cap to be finite and above 0, but got 0}}
  %0 = my.soft_cap ins(%x : tensor<?x4xf32>) outs(%out : tensor<?x4xf32>) {cap = 0.0}
  return
}
