// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not=effattn.
// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse -one-shot-bufferize=bufferize-function-boundaries \
// RUN:   -canonicalize -cse -canonicalize | FileCheck %s --check-prefix=BUFFERS

// Both leading dimensions have tiles. Sums of products may be fused, sigmoids
// divide.
// CHECK-LABEL: @gated_ffn
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in
// CHECK:           tensor.extract_slice %{{.*}}[%{{.*}}, %{{.*}}, 0]
// CHECK:           arith.mulf %{{.*}} fastmath<contract>
// CHECK-NEXT:      arith.addf %{{.*}} fastmath<contract>
// CHECK:           math.exp
// CHECK:           arith.divf
// CHECK:           tensor.parallel_insert_slice

// The tile's rows, sums, and two blocks of hidden columns, whatever F is; what
// is not f32 is converted four rows at a time.
// BUFFERS-LABEL: @gated_ffn
// BUFFERS-NOT:     memref.alloc
// BUFFERS:         scf.forall
// BUFFERS-COUNT-2:   memref.alloc(%{{.*}}) {{.*}} : memref<?x?xf32>
// BUFFERS-COUNT-2:   memref.alloc(%{{.*}}) {{.*}} : memref<?x256xf32>
// BUFFERS-COUNT-3:   memref.alloc() {{.*}} : memref<4x256xf32>
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @gated_ffn(%x: tensor<?x?x?xf16>, %gate: tensor<?x?xf16>, %up: tensor<?x?xf16>, %down: tensor<?x?xf16>,
    %out: tensor<?x?x?xf16>) -> tensor<?x?x?xf16> {
  %rows = effattn.gated_ffn ins(%x, %gate, %up, %down : tensor<?x?x?xf16>, tensor<?x?xf16>, tensor<?x?xf16>, tensor<?x?xf16>)
    outs(%out : tensor<?x?x?xf16>)
  return %rows : tensor<?x?x?xf16>
}

// CHECK-LABEL: @gated_ffn_of_one_row
// CHECK-NOT:     scf.forall
// CHECK:         math.erfc
func.func @gated_ffn_of_one_row(%x: tensor<?xf32>, %gate: tensor<?x?xf32>, %up: tensor<?x?xf32>, %down: tensor<?x?xf32>,
    %out: tensor<?xf32>) -> tensor<?xf32> {
  %row = effattn.gated_ffn ins(%x, %gate, %up, %down : tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>)
    outs(%out : tensor<?xf32>) {activation = #effattn.activation<gelu>}
  return %row : tensor<?xf32>
}

// A tile goes through all blocks in place.
// BUFFERS-LABEL: @hourglass_ffn
// BUFFERS-NOT:     memref.alloc
// BUFFERS:         scf.forall
// BUFFERS-COUNT-3:   memref.alloc(%{{.*}}) {{.*}} : memref<?x8xf32>
// BUFFERS:           scf.for
// BUFFERS:             math.sqrt
// BUFFERS-COUNT-2:     memref.alloc(%{{.*}}) {{.*}} : memref<?x256xf32>
// BUFFERS-NOT:     memref.alloc
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @hourglass_ffn(%x: tensor<?x8xf32>, %norm: tensor<?x8xf32>, %gate: tensor<?x8x4xf32>, %up: tensor<?x8x4xf32>,
    %down: tensor<?x4x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %rows = effattn.hourglass_ffn ins(%x, %norm, %gate, %up, %down
    : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8x4xf32>, tensor<?x8x4xf32>, tensor<?x4x8xf32>) outs(%out : tensor<?x8xf32>)
  return %rows : tensor<?x8xf32>
}
