// RUN: effattn-opt %s -effattn-insert-checks -effattn-convert-to-linalg -canonicalize | FileCheck %s
// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse -eliminate-empty-tensors \
// RUN:   -one-shot-bufferize="bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map allow-return-allocs-from-loops=true" \
// RUN:   -canonicalize -cse | FileCheck %s --check-prefix=BUFFERS

// Only checks are left of the dialect; state and results stay where they are:
// nothing but the boundaries of chunk is allocated.

// CHECK-LABEL: @boundary_probability
// CHECK-NOT:     = effattn.
// CHECK:         linalg.generic
// CHECK:           scf.for {{.*}} -> (f64, f64, f64)
// CHECK:           math.sqrt
// CHECK:         return
// BUFFERS-LABEL: @boundary_probability
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
func.func @boundary_probability(%query: tensor<?x?x?xbf16>, %key: tensor<?x?x?xbf16>, %started: tensor<?xi1>,
    %ids: tensor<?x?xi64>, %lengths: tensor<?xi32>, %p: tensor<?x?xf32>, %last: tensor<?x?xbf16>)
    -> (tensor<?x?xf32>, tensor<?x?xbf16>) {
  %0:2 = effattn.boundary_probability resume ins(%query, %key : tensor<?x?x?xbf16>, tensor<?x?x?xbf16>)
    started(%started : tensor<?xi1>) sequence_ids(%ids : tensor<?x?xi64>) lengths(%lengths : tensor<?xi32>)
    outs(%p, %last : tensor<?x?xf32>, tensor<?x?xbf16>)
  return %0#0, %0#1 : tensor<?x?xf32>, tensor<?x?xbf16>
}

// CHECK-LABEL: @boundary_mask(
// CHECK-NOT:     = effattn.
// CHECK:         arith.cmpf ogt
// BUFFERS-LABEL: @boundary_mask(
// BUFFERS-NOT:     memref.alloc
func.func @boundary_mask(%p: tensor<?x?xf32>, %out: tensor<?x?xi1>) -> tensor<?x?xi1> {
  %0 = effattn.boundary_mask ins(%p : tensor<?x?xf32>) outs(%out : tensor<?x?xi1>) {strict = true}
  return %0 : tensor<?x?xi1>
}

// A draw takes sixth powers, not roots.
// CHECK-LABEL: @boundary_mask_drawn
// CHECK-NOT:     = effattn.
// CHECK-NOT:     math.
// CHECK:         arith.select
// BUFFERS-LABEL: @boundary_mask_drawn
// BUFFERS-NOT:     memref.alloc
func.func @boundary_mask_drawn(%p: tensor<?x?xf32>, %uniforms: tensor<?x?xf32>, %out: tensor<?x?xi1>) -> tensor<?x?xi1> {
  %0 = effattn.boundary_mask ins(%p : tensor<?x?xf32>) uniforms(%uniforms : tensor<?x?xf32>) outs(%out : tensor<?x?xi1>)
  return %0 : tensor<?x?xi1>
}

// CHECK-LABEL: @boundary_count
// CHECK-NOT:     = effattn.
// CHECK:         arith.maxsi
// BUFFERS-LABEL: @boundary_count
// BUFFERS-NOT:     memref.alloc
func.func @boundary_count(%mask: tensor<?x?xi1>, %lengths: tensor<?xi32>, %counts: tensor<?xi32>, %largest: tensor<i32>)
    -> (tensor<?xi32>, tensor<i32>) {
  %0:2 = effattn.boundary_count ins(%mask : tensor<?x?xi1>) lengths(%lengths : tensor<?xi32>)
    outs(%counts, %largest : tensor<?xi32>, tensor<i32>)
  return %0#0, %0#1 : tensor<?xi32>, tensor<i32>
}

// CHECK-LABEL: @chunk
// CHECK:         effattn.check {{.*}}boundaries (capacity)
// CHECK-NOT:     = effattn.
// CHECK:         scf.forall (%{{[a-z0-9]+}}) in
// CHECK:         scf.forall (%{{[a-z0-9]+}}, %{{[a-z0-9]+}}) in
// BUFFERS-LABEL: @chunk
// BUFFERS:         memref.alloc(%{{.*}}, %{{.*}}) {{.*}} : memref<?x?xindex>
// BUFFERS-NOT:     memref.alloc
func.func @chunk(%h: tensor<?x?x?xf16>, %mask: tensor<?x?xi1>, %concepts: tensor<?x?x?xf16>, %counts: tensor<?xi32>)
    -> (tensor<?x?x?xf16>, tensor<?xi32>) {
  %0:2 = effattn.chunk ins(%h, %mask : tensor<?x?x?xf16>, tensor<?x?xi1>)
    outs(%concepts, %counts : tensor<?x?x?xf16>, tensor<?xi32>)
  return %0#0, %0#1 : tensor<?x?x?xf16>, tensor<?xi32>
}

// CHECK-LABEL: @dechunk(
// CHECK-NOT:     = effattn.
// CHECK:         scf.forall
// CHECK:         arith.truncf
// BUFFERS-LABEL: @dechunk(
// BUFFERS-NOT:     memref.alloc
func.func @dechunk(%y: tensor<?x?x?xbf16>, %p: tensor<?x?xf32>, %mask: tensor<?x?xi1>, %residual: tensor<?x?x?xf32>,
    %ids: tensor<?x?xi32>, %lengths: tensor<?xi64>, %out: tensor<?x?x?xbf16>, %state: tensor<?x?xf32>)
    -> (tensor<?x?x?xbf16>, tensor<?x?xf32>) {
  %0:2 = effattn.dechunk resume ins(%y, %p, %mask : tensor<?x?x?xbf16>, tensor<?x?xf32>, tensor<?x?xi1>)
    residual(%residual : tensor<?x?x?xf32>) sequence_ids(%ids : tensor<?x?xi32>) lengths(%lengths : tensor<?xi64>)
    outs(%out, %state : tensor<?x?x?xbf16>, tensor<?x?xf32>) {epsilon = 1.0e-4}
  return %0#0, %0#1 : tensor<?x?x?xbf16>, tensor<?x?xf32>
}

// Where rows are long, their columns are shared out, in equal parts.
// CHECK-LABEL: @dechunk_of_wide_rows
// CHECK:         %[[IS_LONG:.*]] = arith.cmpi sge, %{{.*}}, %c85
// CHECK:         scf.if %[[IS_LONG]]
// CHECK:           scf.forall (%[[ROW:.*]], %[[SHARE:.*]]) in (2, 3)
// CHECK:             %[[COLUMN:.*]] = arith.muli %[[SHARE]], %c256
// CHECK:             tensor.parallel_insert_slice %{{.*}}[%[[ROW]], 0, %[[COLUMN]]] [1, %{{.*}}, 256]
// CHECK:         } else {
// CHECK:           scf.forall (%{{.*}}) in (2)
// BUFFERS-LABEL: @dechunk_of_wide_rows
// BUFFERS-NOT:     memref.alloc
func.func @dechunk_of_wide_rows(%y: tensor<2x?x768xf32>, %p: tensor<2x?xf32>, %mask: tensor<2x?xi1>,
    %out: tensor<2x?x768xf32>, %state: tensor<2x768xf32>) -> (tensor<2x?x768xf32>, tensor<2x768xf32>) {
  %0:2 = effattn.dechunk resume ins(%y, %p, %mask : tensor<2x?x768xf32>, tensor<2x?xf32>, tensor<2x?xi1>)
    outs(%out, %state : tensor<2x?x768xf32>, tensor<2x768xf32>)
  return %0#0, %0#1 : tensor<2x?x768xf32>, tensor<2x768xf32>
}

// CHECK-LABEL: @ratio_loss
// CHECK-NOT:     = effattn.
// CHECK:         arith.divf {{.*}} : f64
// BUFFERS-LABEL: @ratio_loss
// BUFFERS-NOT:     memref.alloc
func.func @ratio_loss(%p: tensor<?x?xf32>, %mask: tensor<?x?xi1>, %out: tensor<f32>) -> tensor<f32> {
  %0 = effattn.ratio_loss ins(%p, %mask : tensor<?x?xf32>, tensor<?x?xi1>) outs(%out : tensor<f32>) {ratio = 4.0}
  return %0 : tensor<f32>
}

// Ops on buffers take the same way.
// CHECK-LABEL: @dechunk_on_buffers
// CHECK-NOT:     effattn.dechunk ins
// BUFFERS-LABEL: @dechunk_on_buffers
// CHECK-NOT:     effattn.dechunk ins
func.func @dechunk_on_buffers(%y: memref<2x3x8xf32>, %p: memref<2x5xf32>, %mask: memref<2x5xi1>,
    %out: memref<2x5x8xf32>, %state: memref<2x8xf32>) {
  effattn.dechunk ins(%y, %p, %mask : memref<2x3x8xf32>, memref<2x5xf32>, memref<2x5xi1>)
    outs(%out, %state : memref<2x5x8xf32>, memref<2x8xf32>)
  return
}
