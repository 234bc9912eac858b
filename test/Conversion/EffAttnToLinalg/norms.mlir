// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not=effattn.

// The sum of squares is f64, in any order; a row is written in place.
// CHECK-LABEL: @rms_norm
// CHECK:         scf.forall
// CHECK:           scf.for
// CHECK:             arith.extf %{{.*}} : f32 to f64
// CHECK:             arith.addf {{.*}} fastmath<reassoc,contract> : f64
// CHECK:           math.sqrt
// CHECK:           scf.for
// CHECK:             arith.truncf %{{.*}} : f64 to f32
// CHECK:             arith.truncf %{{.*}} : f32 to bf16
// CHECK:           tensor.parallel_insert_slice
func.func @rms_norm(%x: tensor<?x?xbf16>, %w: tensor<?xf32>, %out: tensor<?x?xbf16>) -> tensor<?x?xbf16> {
  %rows = effattn.rms_norm ins(%x, %w : tensor<?x?xbf16>, tensor<?xf32>) outs(%out : tensor<?x?xbf16>)
  return %rows : tensor<?x?xbf16>
}

// Distances from the mean are squared, not the elements.
// CHECK-LABEL: @layer_norm_of_one_row
// CHECK-NOT:     scf.forall
// CHECK:         %[[SUM:.*]] = scf.for
// CHECK:         %[[MEAN:.*]] = arith.divf %[[SUM]]
// CHECK:         scf.for
// CHECK:           arith.subf %{{.*}}, %[[MEAN]]
// CHECK:         scf.for
func.func @layer_norm_of_one_row(%x: tensor<?xf32>, %w: tensor<?xf32>, %b: tensor<?xf32>, %out: tensor<?xf32>) -> tensor<?xf32> {
  %row = effattn.layer_norm ins(%x, %w : tensor<?xf32>, tensor<?xf32>) bias(%b : tensor<?xf32>) outs(%out : tensor<?xf32>)
  return %row : tensor<?xf32>
}

// CHECK-LABEL: @no_columns
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: tensor<?x0xf32>) ->
// CHECK-NEXT:    return %[[OUT]]
func.func @no_columns(%x: tensor<?x0xf32>, %w: tensor<0xf32>, %out: tensor<?x0xf32>) -> tensor<?x0xf32> {
  %rows = effattn.rms_norm ins(%x, %w : tensor<?x0xf32>, tensor<0xf32>) outs(%out : tensor<?x0xf32>)
  return %rows : tensor<?x0xf32>
}
