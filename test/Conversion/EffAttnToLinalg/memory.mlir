// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse | FileCheck %s --implicit-check-not=effattn.

// Logits are extended, and the exponential sees the distance to the maximum.
// CHECK-LABEL: @product_softmax
// CHECK:         scf.forall
// CHECK:           arith.extf %{{.*}} : bf16 to f32
// CHECK:           %[[DISTANCE:.*]] = arith.subf
// CHECK:           %[[SCALED:.*]] = arith.divf %[[DISTANCE]], %
// CHECK:           math.exp %[[SCALED]]
func.func @product_softmax(%x: tensor<?x?x?xbf16>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %slots = effattn.product_softmax ins(%x : tensor<?x?x?xbf16>) outs(%out : tensor<?x?xf32>) {temperature = 0.5}
  return %slots : tensor<?x?xf32>
}

// Without leading dimensions there is one row.
// CHECK-LABEL: @top_k_of_one_row
// CHECK-NOT:     scf.forall
// CHECK:         scf.while
func.func @top_k_of_one_row(%x: tensor<?xf32>, %v: tensor<3xf32>, %i: tensor<3xi32>) -> (tensor<3xf32>, tensor<3xi32>) {
  %values, %indices = effattn.top_k ins(%x : tensor<?xf32>) outs(%v, %i : tensor<3xf32>, tensor<3xi32>) {k = 3}
  return %values, %indices : tensor<3xf32>, tensor<3xi32>
}

// CHECK-LABEL: @top_k_of_none
// CHECK-SAME:    %{{.*}}: tensor<?x?xf32>, %[[V:.*]]: tensor<?x0xf32>, %[[I:.*]]: tensor<?x0xi32>
// CHECK-NEXT:    return %[[V]], %[[I]]
func.func @top_k_of_none(%x: tensor<?x?xf32>, %v: tensor<?x0xf32>, %i: tensor<?x0xi32>) -> (tensor<?x0xf32>, tensor<?x0xi32>) {
  %values, %indices = effattn.top_k ins(%x : tensor<?x?xf32>) outs(%v, %i : tensor<?x0xf32>, tensor<?x0xi32>) {k = 0}
  return %values, %indices : tensor<?x0xf32>, tensor<?x0xi32>
}

// CHECK-LABEL: @product_softmax_top_k
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in
func.func @product_softmax_top_k(%x: tensor<?x?x?x?xf16>, %v: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xi32>) {
  %values, %slots = effattn.product_softmax_top_k ins(%x : tensor<?x?x?x?xf16>)
    outs(%v, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>) {k = 4, normalize = true}
  return %values, %slots : tensor<?x?x?xf32>, tensor<?x?x?xi32>
}

// Divisors are constants, and no quotient can overflow: not even floordivsi.
// CHECK-LABEL: @cyclic_shift
// CHECK-NOT:     arith.floordivsi
// CHECK:         linalg.generic
func.func @cyclic_shift(%slots: tensor<?x?x?xi32>, %positions: tensor<?x?xi64>, %out: tensor<?x?x?xi32>) -> tensor<?x?x?xi32> {
  %turned = effattn.cyclic_shift ins(%slots, %positions : tensor<?x?x?xi32>, tensor<?x?xi64>) outs(%out : tensor<?x?x?xi32>)
    {mode = #effattn.shift<radix>, digits = 3, base = 10}
  return %turned : tensor<?x?x?xi32>
}

// A thousand digits of one value: a single slot, which stays.
// CHECK-LABEL: @cyclic_shift_of_one_slot
// CHECK:         %[[SLOT:.*]] = arith.constant 0 : i32
// CHECK:         linalg.yield %[[SLOT]]
func.func @cyclic_shift_of_one_slot(%slots: tensor<?x?x?xi32>, %positions: tensor<?x?xi32>, %out: tensor<?x?x?xi32>) -> tensor<?x?x?xi32> {
  %turned = effattn.cyclic_shift ins(%slots, %positions : tensor<?x?x?xi32>, tensor<?x?xi32>) outs(%out : tensor<?x?x?xi32>)
    {digits = 1000, base = 1}
  return %turned : tensor<?x?x?xi32>
}

// The width is dynamic, and so is the base of the shift.
// CHECK-LABEL: @address_decode
// CHECK:         %[[BASE:.*]] = arith.divui
// CHECK:         tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 3, %[[BASE]]]
// CHECK:         scf.forall
// CHECK:         linalg.generic
func.func @address_decode(%x: tensor<?x?x?xf32>, %positions: tensor<?x?xi32>, %w: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xi32>) {
  %weights, %slots = effattn.address_decode ins(%x : tensor<?x?x?xf32>) positions(%positions : tensor<?x?xi32>)
    outs(%w, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>) {digits = 3, k = 8}
  return %weights, %slots : tensor<?x?x?xf32>, tensor<?x?x?xi32>
}

// Neither gamma = 1 nor gamma = 0 needs a power.
// CHECK-LABEL: @full_decay
// CHECK-NOT:     math.powf
// CHECK:         arith.subf
func.func @full_decay(%w: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>, %v: tensor<?x?x?xf32>, %memory: tensor<?x?x?xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xi32>)
    outs(%v, %memory, %mass : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>)
  return %o, %s, %z : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: @no_decay
// CHECK-NOT:     math.powf
// CHECK-NOT:     arith.subf
func.func @no_decay(%w: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>, %v: tensor<?x?x?xf32>, %memory: tensor<?x?x?xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xi32>)
    outs(%v, %memory, %mass : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {gamma = 0.0}
  return %o, %s, %z : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}

// CHECK-LABEL: @some_decay
// CHECK:         math.powf
func.func @some_decay(%w: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>, %v: tensor<?x?x?xf32>, %memory: tensor<?x?x?xf32>, %mass: tensor<?x?xf32>)
    -> (tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>, tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?x?xi32>)
    outs(%v, %memory, %mass : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {gamma = 0.5}
  return %o, %s, %z : tensor<?x?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}

// Values of no columns: the mass is still updated, the rest has no elements.
// CHECK-LABEL: @memory_without_columns
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: tensor<?x?x0xf32>, %[[MEMORY:[a-z0-9]+]]: tensor<?x?x0xf32>
// CHECK:         %[[MASS:.*]] = scf.forall
// CHECK:         return %[[OUT]], %[[MEMORY]], %[[MASS]]
func.func @memory_without_columns(%out: tensor<?x?x0xf32>, %memory: tensor<?x?x0xf32>, %mass: tensor<?x?xf32>,
    %w: tensor<?x?x?xf32>, %i: tensor<?x?x?xi32>, %v: tensor<?x?x0xf32>)
    -> (tensor<?x?x0xf32>, tensor<?x?x0xf32>, tensor<?x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<?x?x?xf32>, tensor<?x?x?xi32>, tensor<?x?x0xf32>, tensor<?x?x?xf32>, tensor<?x?x?xi32>)
    outs(%out, %memory, %mass : tensor<?x?x0xf32>, tensor<?x?x0xf32>, tensor<?x?xf32>)
  return %o, %s, %z : tensor<?x?x0xf32>, tensor<?x?x0xf32>, tensor<?x?xf32>
}

// A vector is widened once; what is compared with every code is a sum in f64.
// CHECK-LABEL: @nearest_codes
// CHECK:         scf.forall
// CHECK:           linalg.generic
// CHECK:             arith.extf {{.*}} to f64
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK:               arith.subf {{.*}} : f64
// CHECK:               arith.addf {{.*}} fastmath<reassoc,contract> : f64
// CHECK:             arith.cmpf ult
func.func @nearest_codes(%x: tensor<?x?xbf16>, %book: tensor<?x?xf32>, %codes: tensor<?xi32>, %out: tensor<?x?xbf16>)
    -> (tensor<?xi32>, tensor<?x?xbf16>) {
  %c, %o = effattn.vector_quantize ins(%x, %book : tensor<?x?xbf16>, tensor<?x?xf32>)
    outs(%codes, %out : tensor<?xi32>, tensor<?x?xbf16>)
  return %c, %o : tensor<?xi32>, tensor<?x?xbf16>
}

// Norms of the codes once for all vectors.
// CHECK-LABEL: @codes_of_an_angle
// CHECK:         linalg.generic
// CHECK:           math.sqrt
// CHECK:         scf.forall
// CHECK:           math.sqrt
// CHECK-NOT:       math.sqrt
// CHECK:           arith.divf
func.func @codes_of_an_angle(%x: tensor<?x?xf32>, %book: tensor<?x?xf32>, %codes: tensor<?x3xi32>, %out: tensor<?x?xf32>)
    -> (tensor<?x3xi32>, tensor<?x?xf32>) {
  %c, %o = effattn.vector_quantize ins(%x, %book : tensor<?x?xf32>, tensor<?x?xf32>)
    outs(%codes, %out : tensor<?x3xi32>, tensor<?x?xf32>) {groups = 3, metric = #effattn.metric<cosine>}
  return %c, %o : tensor<?x3xi32>, tensor<?x?xf32>
}
