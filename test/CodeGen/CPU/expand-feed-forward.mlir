// RUN: effattn-opt %s -effattn-expand-feed-forward='vector-bits=512 vector-registers=32' -split-input-file | FileCheck %s
// RUN: effattn-opt %s -effattn-expand-feed-forward -effattn-outline-kernels -split-input-file | FileCheck %s --check-prefix=KERNELS

// Gate, up and down of some hidden columns at a time, for blocks of rows.
// CHECK-LABEL: func @gated(
// CHECK-SAME:    %[[X:.*]]: memref<?x?x640xbf16>, %[[GATE:.*]]: memref<640x2048xf32>, %[[UP:.*]]: memref<640x2048xf32>, %[[DOWN:.*]]: memref<2048x640xf32>
// CHECK-NOT:     effattn.gated_ffn
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             memref.subview %[[GATE]]
// CHECK:             linalg.matmul {{.*}} outs(%[[HIDDEN:.*]] : memref<?x?xf32, strided<[?, 1], offset: ?>>)
// CHECK:             memref.subview %[[UP]]
// CHECK:             linalg.matmul
// CHECK:             scf.parallel
// CHECK-NOT:           math.exp
// CHECK:             memref.subview %[[DOWN]]
// CHECK:             linalg.matmul ins(%[[HIDDEN]], %{{.*}})
// One function serves all products.
// KERNELS-LABEL: func @gated(
// KERNELS-NOT:     linalg
// KERNELS-COUNT-3: call @effattn_kernel_matmul_0(
// KERNELS-NOT:     linalg
// KERNELS:       func private @effattn_kernel_matmul_0(
// KERNELS-NOT:   func private
func.func @gated(%x: memref<?x?x640xbf16>, %gate: memref<640x2048xf32>, %up: memref<640x2048xf32>,
    %down: memref<2048x640xf32>, %out: memref<?x?x640xbf16>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down
    : memref<?x?x640xbf16>, memref<640x2048xf32>, memref<640x2048xf32>, memref<2048x640xf32>)
    outs(%out : memref<?x?x640xbf16>) {activation = #effattn.activation<gelu_tanh>}
  return
}

// -----

// The weights of a block are views.
// CHECK-LABEL: func @hourglass(
// CHECK-SAME:    %[[GATE:[^ ]*]]: memref<3x?x?xbf16, strided<[?, ?, ?], offset: ?>>, %[[UP:[^ ]*]]:
// CHECK-NOT:     effattn.hourglass_ffn
// CHECK:           scf.for %[[BLOCK:.*]] = %c0{{.*}} to %c3
// CHECK:             math.sqrt {{.*}} : f64
// CHECK:             memref.subview %[[GATE]][%[[BLOCK]], 0, %{{.*}}]
// CHECK-COUNT-3:     linalg.matmul
// KERNELS-LABEL: func @hourglass(
// KERNELS-COUNT-2: call @effattn_kernel_matmul_0(
// KERNELS:         linalg.matmul
func.func @hourglass(%x: memref<?x?xf32>, %norm: memref<3x?xf32>, %gate: memref<3x?x?xbf16, strided<[?, ?, ?], offset: ?>>,
    %up: memref<3x?x?xbf16, strided<[?, ?, ?], offset: ?>>, %down: memref<3x?x?xf32>, %out: memref<?x?xf32>) {
  effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
    : memref<?x?xf32>, memref<3x?xf32>, memref<3x?x?xbf16, strided<[?, ?, ?], offset: ?>>,
      memref<3x?x?xbf16, strided<[?, ?, ?], offset: ?>>, memref<3x?x?xf32>) outs(%out : memref<?x?xf32>)
  return
}

// -----

// CHECK-LABEL: func @no_hidden_columns(
// CHECK-NEXT:    %[[ZERO:.*]] = arith.constant 0.0
// CHECK-NEXT:    linalg.fill ins(%[[ZERO]] : f16)
// CHECK-NEXT:    return
func.func @no_hidden_columns(%x: memref<?x4xf16>, %gate: memref<4x0xf32>, %up: memref<4x0xf32>,
    %down: memref<0x4xf32>, %out: memref<?x4xf16>) {
  effattn.gated_ffn ins(%x, %gate, %up, %down : memref<?x4xf16>, memref<4x0xf32>, memref<4x0xf32>, memref<0x4xf32>)
    outs(%out : memref<?x4xf16>)
  return
}
