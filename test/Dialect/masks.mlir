// RUN: effattn-opt %s | effattn-opt | FileCheck %s
// RUN: effattn-opt %s -mlir-print-op-generic | effattn-opt | FileCheck %s

// CHECK-LABEL: @every_mask
// CHECK:         effattn.materialize_mask offset(%{{.*}} : tensor<?xi64>) outs(%{{.*}} : tensor<?x?x?x?xi1>) mask {
// CHECK-NEXT:      effattn.causal_mask
// CHECK-NEXT:      effattn.window_mask {size = 4 : i64}
// CHECK-NEXT:      effattn.initial_mask {count = 2 : i64}
// CHECK-NEXT:      effattn.initial_mask starts(%{{.*}} : tensor<?xi32>) {count = 0 : i64}
// CHECK-NEXT:      effattn.length_mask %{{.*}} : tensor<?xi64>
// CHECK-NEXT:      effattn.length_mask %{{.*}} : tensor<?xi64> starts(%{{.*}} : tensor<?xi32>)
// CHECK-NEXT:      effattn.document_mask %{{.*}}, %{{.*}} : tensor<?x?xi32>, tensor<?x?xi64>
// CHECK-NEXT:      effattn.dense_mask %{{.*}} : tensor<1x?x?x?xi1>
// CHECK-NEXT:      effattn.separator_mask %{{.*}} : tensor<?x?xi1> {initial = 4 : i64, window = 64 : i64}
// CHECK-NEXT:      effattn.separator_mask %{{.*}} : tensor<?x?xi1> starts(%{{.*}} : tensor<?xi32>) {initial = 0 : i64, window = 1 : i64}
// CHECK-NEXT:      effattn.mask_and
// CHECK-NEXT:      effattn.mask_or
// CHECK-NEXT:      effattn.mask_not
// CHECK-NEXT:      effattn.mask_and
// CHECK-NEXT:      effattn.yield %{{.*}} : !effattn.mask
func.func @every_mask(%offset: tensor<?xi64>, %starts: tensor<?xi32>, %lengths: tensor<?xi64>,
    %query_ids: tensor<?x?xi32>, %key_ids: tensor<?x?xi64>, %flags: tensor<?x?xi1>,
    %dense: tensor<1x?x?x?xi1>, %keep: tensor<?x?x?x?xi1>) -> tensor<?x?x?x?xi1> {
  %0 = effattn.materialize_mask offset(%offset : tensor<?xi64>) outs(%keep : tensor<?x?x?x?xi1>) mask {
    %causal = effattn.causal_mask
    %window = effattn.window_mask {size = 4}
    %initial = effattn.initial_mask {count = 2}
    %sinks = effattn.initial_mask starts(%starts : tensor<?xi32>) {count = 0}
    %length = effattn.length_mask %lengths : tensor<?xi64>
    %valid = effattn.length_mask %lengths : tensor<?xi64> starts(%starts : tensor<?xi32>)
    %document = effattn.document_mask %query_ids, %key_ids : tensor<?x?xi32>, tensor<?x?xi64>
    %given = effattn.dense_mask %dense : tensor<1x?x?x?xi1>
    %separator = effattn.separator_mask %flags : tensor<?x?xi1> {initial = 4, window = 64}
    %padded = effattn.separator_mask %flags : tensor<?x?xi1> starts(%starts : tensor<?xi32>) {initial = 0, window = 1}
    %and = effattn.mask_and %causal, %window, %length, %valid, %separator
    %or = effattn.mask_or %initial, %sinks, %document, %given, %padded
    %not = effattn.mask_not %or
    %mask = effattn.mask_and %and, %not
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<?x?x?x?xi1>
}

// CHECK-LABEL: @of_no_parts
// CHECK:           %[[ALL:.*]] = effattn.mask_and nothing
// CHECK:           %[[NONE:.*]] = effattn.mask_or nothing
// CHECK:           effattn.mask_or %[[ALL]], %[[NONE]]
func.func @of_no_parts(%keep: tensor<1x1x2x2xi1>) -> tensor<1x1x2x2xi1> {
  %0 = effattn.materialize_mask outs(%keep : tensor<1x1x2x2xi1>) mask {
    %all = effattn.mask_and nothing
    %none = effattn.mask_or nothing
    %mask = effattn.mask_or %all, %none
    effattn.yield %mask : !effattn.mask
  }
  return %0 : tensor<1x1x2x2xi1>
}

// CHECK-LABEL: @on_buffers
// CHECK:         effattn.materialize_mask offset(%{{.*}} : index) outs(%{{.*}} : memref<?x?x?x?xi1>) mask {
// CHECK:           effattn.separator_mask %{{.*}} : memref<?x?xi1>
func.func @on_buffers(%offset: index, %flags: memref<?x?xi1>, %keep: memref<?x?x?x?xi1>) {
  effattn.materialize_mask offset(%offset : index) outs(%keep : memref<?x?x?x?xi1>) mask {
    %mask = effattn.separator_mask %flags : memref<?x?xi1> {initial = 4, window = 64}
    effattn.yield %mask : !effattn.mask
  }
  return
}

// CHECK-LABEL: @separators
// CHECK:         effattn.separator_positions ins(%{{.*}} : tensor<2x?xi32>) outs(%{{.*}} : tensor<2x?xi1>) {separators = array<i64: 11, 13>}
// CHECK:         effattn.separator_positions ins(%{{.*}} : tensor<2x?xi32>) bitmap(%{{.*}} : tensor<?xi1>) outs(%{{.*}} : tensor<2x?xi1>)
func.func @separators(%ids: tensor<2x?xi32>, %bitmap: tensor<?xi1>, %flags: tensor<2x?xi1>)
    -> (tensor<2x?xi1>, tensor<2x?xi1>) {
  %0 = effattn.separator_positions ins(%ids : tensor<2x?xi32>)
    outs(%flags : tensor<2x?xi1>) {separators = array<i64: 11, 13>}
  %1 = effattn.separator_positions ins(%ids : tensor<2x?xi32>) bitmap(%bitmap : tensor<?xi1>)
    outs(%flags : tensor<2x?xi1>)
  return %0, %1 : tensor<2x?xi1>, tensor<2x?xi1>
}

// CHECK-LABEL: @separators_on_buffers
// CHECK:         effattn.separator_positions ins(%{{.*}} : memref<2x?xi64>) outs(%{{.*}} : memref<2x?xi1>) {separators = array<i64>}
func.func @separators_on_buffers(%ids: memref<2x?xi64>, %flags: memref<2x?xi1>) {
  effattn.separator_positions ins(%ids : memref<2x?xi64>)
    outs(%flags : memref<2x?xi1>) {separators = array<i64>}
  return
}
