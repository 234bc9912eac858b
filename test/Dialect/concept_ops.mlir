// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @boundary_probability_with_everything
// CHECK:         effattn.boundary_probability resume ins(%{{.*}}, %{{.*}} : tensor<?x?x?xbf16>, tensor<?x?x?xbf16>)
// CHECK-SAME:      started(%{{.*}} : tensor<?xi1>)
// CHECK-SAME:      sequence_ids(%{{.*}} : tensor<?x?xi64>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi32>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}} : tensor<?x?xf32>, tensor<?x?xbf16>)
// CHECK-SAME:      {pairing = #effattn.pairing<previous_query>}
func.func @boundary_probability_with_everything(%query: tensor<?x?x?xbf16>, %key: tensor<?x?x?xbf16>,
    %started: tensor<?xi1>, %ids: tensor<?x?xi64>, %lengths: tensor<?xi32>,
    %p: tensor<?x?xf32>, %last: tensor<?x?xbf16>) -> (tensor<?x?xf32>, tensor<?x?xbf16>) {
  %0:2 = effattn.boundary_probability resume ins(%query, %key : tensor<?x?x?xbf16>, tensor<?x?x?xbf16>)
    started(%started : tensor<?xi1>) sequence_ids(%ids : tensor<?x?xi64>) lengths(%lengths : tensor<?xi32>)
    outs(%p, %last : tensor<?x?xf32>, tensor<?x?xbf16>) {pairing = #effattn.pairing<previous_query>}
  return %0#0, %0#1 : tensor<?x?xf32>, tensor<?x?xbf16>
}

// CHECK-LABEL: @boundary_probability_on_buffers
// CHECK:         effattn.boundary_probability ins(%{{.*}}, %{{.*}} : memref<2x5x8xf16>, memref<2x5x8xf16>) outs(%{{.*}}, %{{.*}} : memref<2x5xf32>, memref<2x8xf16>){{$}}
func.func @boundary_probability_on_buffers(%query: memref<2x5x8xf16>, %key: memref<2x5x8xf16>,
    %p: memref<2x5xf32>, %last: memref<2x8xf16>) {
  effattn.boundary_probability ins(%query, %key : memref<2x5x8xf16>, memref<2x5x8xf16>)
    outs(%p, %last : memref<2x5xf32>, memref<2x8xf16>) {pairing = #effattn.pairing<current_query>}
  return
}

// CHECK-LABEL: @boundary_mask_by_threshold
// CHECK:         effattn.boundary_mask ins(%{{.*}} : tensor<2x?xf32>) outs(%{{.*}} : tensor<2x?xi1>) {strict = true, threshold = 2.500000e-01 : f64}
// CHECK:         effattn.boundary_mask ins(%{{.*}} : tensor<2x?xf32>) outs(%{{.*}} : tensor<2x?xi1>){{$}}
func.func @boundary_mask_by_threshold(%p: tensor<2x?xf32>, %out: tensor<2x?xi1>) -> (tensor<2x?xi1>, tensor<2x?xi1>) {
  %0 = effattn.boundary_mask ins(%p : tensor<2x?xf32>) outs(%out : tensor<2x?xi1>) {threshold = 0.25, strict = true}
  %1 = effattn.boundary_mask ins(%p : tensor<2x?xf32>) outs(%out : tensor<2x?xi1>) {threshold = 0.5, strict = false}
  return %0, %1 : tensor<2x?xi1>, tensor<2x?xi1>
}

// CHECK-LABEL: @boundary_mask_drawn_on_buffers
// CHECK:         effattn.boundary_mask ins(%{{.*}} : memref<?x?xf32>) uniforms(%{{.*}} : memref<?x?xf32>) outs(%{{.*}} : memref<?x?xi1>)
func.func @boundary_mask_drawn_on_buffers(%p: memref<?x?xf32>, %uniforms: memref<?x?xf32>, %mask: memref<?x?xi1>) {
  effattn.boundary_mask ins(%p : memref<?x?xf32>) uniforms(%uniforms : memref<?x?xf32>) outs(%mask : memref<?x?xi1>)
  return
}

// CHECK-LABEL: @boundary_count
// CHECK:         effattn.boundary_count ins(%{{.*}} : tensor<3x?xi1>) lengths(%{{.*}} : tensor<3xi64>) outs(%{{.*}}, %{{.*}} : tensor<3xi32>, tensor<i32>)
func.func @boundary_count(%mask: tensor<3x?xi1>, %lengths: tensor<3xi64>, %counts: tensor<3xi32>,
    %largest: tensor<i32>) -> (tensor<3xi32>, tensor<i32>) {
  %0:2 = effattn.boundary_count ins(%mask : tensor<3x?xi1>) lengths(%lengths : tensor<3xi64>)
    outs(%counts, %largest : tensor<3xi32>, tensor<i32>)
  return %0#0, %0#1 : tensor<3xi32>, tensor<i32>
}

// CHECK-LABEL: @boundary_count_on_buffers
// CHECK:         effattn.boundary_count ins(%{{.*}} : memref<3x?xi1>) outs(%{{.*}}, %{{.*}} : memref<3xi32>, memref<i32>)
func.func @boundary_count_on_buffers(%mask: memref<3x?xi1>, %counts: memref<3xi32>, %largest: memref<i32>) {
  effattn.boundary_count ins(%mask : memref<3x?xi1>) outs(%counts, %largest : memref<3xi32>, memref<i32>)
  return
}

// CHECK-LABEL: @chunk
// CHECK:         effattn.chunk ins(%{{.*}}, %{{.*}} : tensor<2x?x8xf16>, tensor<2x?xi1>) lengths(%{{.*}} : tensor<2xi32>) outs(%{{.*}}, %{{.*}} : tensor<2x?x8xf16>, tensor<2xi32>) {overflow = #effattn.overflow<drop>}
func.func @chunk(%h: tensor<2x?x8xf16>, %mask: tensor<2x?xi1>, %lengths: tensor<2xi32>,
    %concepts: tensor<2x?x8xf16>, %counts: tensor<2xi32>) -> (tensor<2x?x8xf16>, tensor<2xi32>) {
  %0:2 = effattn.chunk ins(%h, %mask : tensor<2x?x8xf16>, tensor<2x?xi1>) lengths(%lengths : tensor<2xi32>)
    outs(%concepts, %counts : tensor<2x?x8xf16>, tensor<2xi32>) {overflow = #effattn.overflow<drop>}
  return %0#0, %0#1 : tensor<2x?x8xf16>, tensor<2xi32>
}

// CHECK-LABEL: @chunk_on_buffers
// CHECK:         effattn.chunk ins(%{{.*}}, %{{.*}} : memref<2x5x8xf32>, memref<2x5xi1>) outs(%{{.*}}, %{{.*}} : memref<2x0x8xf32>, memref<2xi32>){{$}}
func.func @chunk_on_buffers(%h: memref<2x5x8xf32>, %mask: memref<2x5xi1>, %concepts: memref<2x0x8xf32>, %counts: memref<2xi32>) {
  effattn.chunk ins(%h, %mask : memref<2x5x8xf32>, memref<2x5xi1>)
    outs(%concepts, %counts : memref<2x0x8xf32>, memref<2xi32>) {overflow = #effattn.overflow<error>}
  return
}

// CHECK-LABEL: @dechunk_with_everything
// CHECK:         effattn.dechunk resume ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?xbf16>, tensor<?x?xf32>, tensor<?x?xi1>)
// CHECK-SAME:      residual(%{{.*}} : tensor<?x?x?xf32>)
// CHECK-SAME:      sequence_ids(%{{.*}} : tensor<?x?xi32>)
// CHECK-SAME:      lengths(%{{.*}} : tensor<?xi64>)
// CHECK-SAME:      outs(%{{.*}}, %{{.*}} : tensor<?x?x?xbf16>, tensor<?x?xf32>) {epsilon = 1.000000e-04 : f64}
func.func @dechunk_with_everything(%y: tensor<?x?x?xbf16>, %p: tensor<?x?xf32>, %mask: tensor<?x?xi1>,
    %residual: tensor<?x?x?xf32>, %ids: tensor<?x?xi32>, %lengths: tensor<?xi64>,
    %out: tensor<?x?x?xbf16>, %state: tensor<?x?xf32>) -> (tensor<?x?x?xbf16>, tensor<?x?xf32>) {
  %0:2 = effattn.dechunk resume ins(%y, %p, %mask : tensor<?x?x?xbf16>, tensor<?x?xf32>, tensor<?x?xi1>)
    residual(%residual : tensor<?x?x?xf32>) sequence_ids(%ids : tensor<?x?xi32>) lengths(%lengths : tensor<?xi64>)
    outs(%out, %state : tensor<?x?x?xbf16>, tensor<?x?xf32>) {epsilon = 1.0e-4}
  return %0#0, %0#1 : tensor<?x?x?xbf16>, tensor<?x?xf32>
}

// CHECK-LABEL: @dechunk_on_buffers
// CHECK:         effattn.dechunk ins(%{{.*}}, %{{.*}}, %{{.*}} : memref<2x3x8xf16>, memref<2x5xf32>, memref<2x5xi1>) outs(%{{.*}}, %{{.*}} : memref<2x5x8xf16>, memref<2x8xf32>){{$}}
func.func @dechunk_on_buffers(%y: memref<2x3x8xf16>, %p: memref<2x5xf32>, %mask: memref<2x5xi1>,
    %out: memref<2x5x8xf16>, %state: memref<2x8xf32>) {
  effattn.dechunk ins(%y, %p, %mask : memref<2x3x8xf16>, memref<2x5xf32>, memref<2x5xi1>)
    outs(%out, %state : memref<2x5x8xf16>, memref<2x8xf32>)
  return
}

// CHECK-LABEL: @ratio_loss
// CHECK:         effattn.ratio_loss ins(%{{.*}}, %{{.*}} : tensor<?x?xf32>, tensor<?x?xi1>) lengths(%{{.*}} : tensor<?xi32>) outs(%{{.*}} : tensor<f32>) {ratio = 2.500000e+00 : f32}
func.func @ratio_loss(%p: tensor<?x?xf32>, %mask: tensor<?x?xi1>, %lengths: tensor<?xi32>, %out: tensor<f32>) -> tensor<f32> {
  %0 = effattn.ratio_loss ins(%p, %mask : tensor<?x?xf32>, tensor<?x?xi1>) lengths(%lengths : tensor<?xi32>)
    outs(%out : tensor<f32>) {ratio = 2.5 : f32}
  return %0 : tensor<f32>
}

// CHECK-LABEL: @ratio_loss_on_buffers
// CHECK:         effattn.ratio_loss ins(%{{.*}}, %{{.*}} : memref<2x5xf32>, memref<2x5xi1>) outs(%{{.*}} : memref<f32>) {ratio = 4.000000e+00 : f64}
func.func @ratio_loss_on_buffers(%p: memref<2x5xf32>, %mask: memref<2x5xi1>, %out: memref<f32>) {
  effattn.ratio_loss ins(%p, %mask : memref<2x5xf32>, memref<2x5xi1>) outs(%out : memref<f32>) {ratio = 4.0}
  return
}
