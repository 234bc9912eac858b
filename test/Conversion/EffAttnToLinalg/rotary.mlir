// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not=effattn.

// Frequencies and steps once a call. A token next to the one before turns by a
// step more, any other takes a sine and a cosine a pair, in f64 and outside of
// the loop over heads.
// CHECK-LABEL: @angles_are_shared_by_heads
// CHECK:         math.powf {{.*}} : f64
// CHECK:         math.cos {{.*}} : f64
// CHECK:         math.sin {{.*}} : f64
// CHECK:         scf.forall
// CHECK:           scf.for
// CHECK:             scf.if
// CHECK-NEXT:          scf.for
// CHECK-NOT:             math
// CHECK:                 arith.subf {{.*}} : f64
// CHECK:                 arith.addf {{.*}} : f64
// CHECK:             else
// CHECK-NEXT:          scf.for
// CHECK:                 arith.mulf {{.*}} : f64
// CHECK:                 math.cos {{.*}} : f64
// CHECK:                 math.sin {{.*}} : f64
// CHECK:             scf.for {{.*}} to %c8 step
// CHECK-NOT:           math
// CHECK:               scf.for
// CHECK:                 arith.subf {{.*}} : f32
// CHECK:                 arith.addf {{.*}} : f32
func.func @angles_are_shared_by_heads(%x: tensor<?x8x?x?xbf16>, %p: tensor<?x?xi32>, %out: tensor<?x8x?x?xbf16>) -> tensor<?x8x?x?xbf16> {
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<?x8x?x?xbf16>, tensor<?x?xi32>) outs(%out : tensor<?x8x?x?xbf16>)
  return %0 : tensor<?x8x?x?xbf16>
}

// CHECK-LABEL: @nothing_to_rotate
// CHECK-NOT:     scf
// CHECK:         return
func.func @nothing_to_rotate(%x: tensor<2x8x3x0xf32>, %p: tensor<2x3xi32>, %out: tensor<2x8x3x0xf32>) -> tensor<2x8x3x0xf32> {
  %0 = effattn.rotary_embedding ins(%x, %p : tensor<2x8x3x0xf32>, tensor<2x3xi32>) outs(%out : tensor<2x8x3x0xf32>)
  return %0 : tensor<2x8x3x0xf32>
}
