// RUN: effattn-opt %s -split-input-file -verify-diagnostics

func.func @boundary_probability_c1_started_without_resume(%query: tensor<2x5x8xf32>, %started: tensor<2xi1>,
    %p: tensor<2x5xf32>, %last: tensor<2x8xf32>) -> tensor<2x5xf32> {
  // expected-error @below {{'effattn.boundary_probability' op expected 'resume' where started is given, because only a row that goes on has started before}}
  %0:2 = effattn.boundary_probability ins(%query, %query : tensor<2x5x8xf32>, tensor<2x5x8xf32>)
    started(%started : tensor<2xi1>) outs(%p, %last : tensor<2x5xf32>, tensor<2x8xf32>)
  return %0#0 : tensor<2x5xf32>
}

// -----

// expected-note @below {{query is 'tensor<2x5x8xf32>'}}
func.func @boundary_probability_widths_differ(%query: tensor<2x5x8xf32>, %key: tensor<2x5x9xf32>,
    %p: tensor<2x5xf32>, %last: tensor<2x8xf32>) -> tensor<2x5xf32> {
  // expected-error @below {{'effattn.boundary_probability' op expected key width (dim 2) to equal query width (dim 2), but got 9 and 8}}
  %0:2 = effattn.boundary_probability ins(%query, %key : tensor<2x5x8xf32>, tensor<2x5x9xf32>)
    outs(%p, %last : tensor<2x5xf32>, tensor<2x8xf32>)
  return %0#0 : tensor<2x5xf32>
}

// -----

func.func @boundary_probability_last_of_another_type(%query: tensor<2x5x8xbf16>, %p: tensor<2x5xf32>,
    %last: tensor<2x8xf32>) -> tensor<2x5xf32> {
  // expected-error @below {{'effattn.boundary_probability' op expected last to have the element type of query, 'bf16', but got 'f32'}}
  %0:2 = effattn.boundary_probability ins(%query, %query : tensor<2x5x8xbf16>, tensor<2x5x8xbf16>)
    outs(%p, %last : tensor<2x5xf32>, tensor<2x8xf32>)
  return %0#0 : tensor<2x5xf32>
}

// -----

func.func @boundary_mask_of_half_probabilities(%p: tensor<2x5xf16>, %out: tensor<2x5xi1>) -> tensor<2x5xi1> {
  // expected-error @below {{'effattn.boundary_mask' op expected p to have element type f32, but got 'f16'}}
  %0 = effattn.boundary_mask ins(%p : tensor<2x5xf16>) outs(%out : tensor<2x5xi1>)
  return %0 : tensor<2x5xi1>
}

// -----

// expected-note @below {{mask is 'tensor<2x5xi1>'}}
func.func @boundary_count_rows_differ(%mask: tensor<2x5xi1>, %counts: tensor<3xi32>, %largest: tensor<i32>) -> tensor<i32> {
  // expected-error @below {{'effattn.boundary_count' op expected counts rows (dim 0) to equal mask rows (dim 0), but got 3 and 2}}
  %0:2 = effattn.boundary_count ins(%mask : tensor<2x5xi1>) outs(%counts, %largest : tensor<3xi32>, tensor<i32>)
  return %0#1 : tensor<i32>
}

// -----

func.func @chunk_mask_of_bytes(%h: tensor<2x5x8xf32>, %mask: tensor<2x5xi8>, %concepts: tensor<2x3x8xf32>,
    %counts: tensor<2xi32>) -> tensor<2xi32> {
  // expected-error @below {{'effattn.chunk' op expected mask to have element type i1, but got 'i8'}}
  %0:2 = effattn.chunk ins(%h, %mask : tensor<2x5x8xf32>, tensor<2x5xi8>)
    outs(%concepts, %counts : tensor<2x3x8xf32>, tensor<2xi32>)
  return %0#1 : tensor<2xi32>
}

// -----

func.func @dechunk_c1_epsilon_above_half(%y: tensor<2x3x8xf32>, %p: tensor<2x5xf32>, %mask: tensor<2x5xi1>,
    %out: tensor<2x5x8xf32>, %state: tensor<2x8xf32>) -> tensor<2x5x8xf32> {
  // expected-error @below {{'effattn.dechunk' op expected epsilon to be between 0 and 0.5, but got 0.6}}
  %0:2 = effattn.dechunk ins(%y, %p, %mask : tensor<2x3x8xf32>, tensor<2x5xf32>, tensor<2x5xi1>)
    outs(%out, %state : tensor<2x5x8xf32>, tensor<2x8xf32>) {epsilon = 0.6}
  return %0#0 : tensor<2x5x8xf32>
}

// -----

func.func @dechunk_c1_epsilon_nan(%y: tensor<2x3x8xf32>, %p: tensor<2x5xf32>, %mask: tensor<2x5xi1>,
    %out: tensor<2x5x8xf32>, %state: tensor<2x8xf32>) -> tensor<2x5x8xf32> {
  // expected-error @below {{'effattn.dechunk' op expected epsilon to be between 0 and 0.5, but got nan}}
  %0:2 = effattn.dechunk ins(%y, %p, %mask : tensor<2x3x8xf32>, tensor<2x5xf32>, tensor<2x5xi1>)
    outs(%out, %state : tensor<2x5x8xf32>, tensor<2x8xf32>) {epsilon = 0x7FC00000 : f32}
  return %0#0 : tensor<2x5x8xf32>
}

// -----

func.func @dechunk_state_of_half(%y: tensor<2x3x8xf16>, %p: tensor<2x5xf32>, %mask: tensor<2x5xi1>,
    %out: tensor<2x5x8xf16>, %state: tensor<2x8xf16>) -> tensor<2x5x8xf16> {
  // expected-error @below {{'effattn.dechunk' op expected state to have element type f32, but got 'f16'}}
  %0:2 = effattn.dechunk ins(%y, %p, %mask : tensor<2x3x8xf16>, tensor<2x5xf32>, tensor<2x5xi1>)
    outs(%out, %state : tensor<2x5x8xf16>, tensor<2x8xf16>)
  return %0#0 : tensor<2x5x8xf16>
}

// -----

// expected-note @below {{p is 'tensor<2x5xf32>'}}
func.func @dechunk_residual_of_other_tokens(%y: tensor<2x3x8xf32>, %p: tensor<2x5xf32>, %mask: tensor<2x5xi1>,
    %h: tensor<2x4x8xf32>, %out: tensor<2x5x8xf32>, %state: tensor<2x8xf32>) -> tensor<2x5x8xf32> {
  // expected-error @below {{'effattn.dechunk' op expected residual token count (dim 1) to equal p token count (dim 1), but got 4 and 5}}
  %0:2 = effattn.dechunk ins(%y, %p, %mask : tensor<2x3x8xf32>, tensor<2x5xf32>, tensor<2x5xi1>)
    residual(%h : tensor<2x4x8xf32>) outs(%out, %state : tensor<2x5x8xf32>, tensor<2x8xf32>)
  return %0#0 : tensor<2x5x8xf32>
}

// -----

func.func @ratio_loss_c1_ratio_one(%p: tensor<2x5xf32>, %mask: tensor<2x5xi1>, %out: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{'effattn.ratio_loss' op expected ratio to be above 1 and finite, but got 1}}
  %0 = effattn.ratio_loss ins(%p, %mask : tensor<2x5xf32>, tensor<2x5xi1>) outs(%out : tensor<f32>) {ratio = 1.0}
  return %0 : tensor<f32>
}

// -----

func.func @ratio_loss_c1_ratio_infinite(%p: tensor<2x5xf32>, %mask: tensor<2x5xi1>, %out: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{'effattn.ratio_loss' op expected ratio to be above 1 and finite, but got inf}}
  %0 = effattn.ratio_loss ins(%p, %mask : tensor<2x5xf32>, tensor<2x5xi1>) outs(%out : tensor<f32>) {ratio = 0x7F800000 : f32}
  return %0 : tensor<f32>
}
