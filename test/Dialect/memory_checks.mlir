// RUN: effattn-opt %s -effattn-insert-checks -canonicalize -cse | FileCheck %s

// CHECK-LABEL: @product_softmax_of_dynamic_sizes
// CHECK-SAME:    %[[X:.*]]: tensor<?x?xf32>, %[[OUT:.*]]: tensor<?xf32>
// CHECK:         %[[U:.*]] = tensor.dim %[[X]], %c0
// CHECK:         %[[P:.*]] = tensor.dim %[[X]], %c1
// CHECK:         %[[SLOTS:.*]] = scf.for
// CHECK:         effattn.check %{{.*}}, "'effattn.product_softmax' op expected at most {0} slots, but got {1}^{2}"(%c2147483647, %[[P]], %[[U]] :
// CHECK:         %[[M:.*]] = tensor.dim %[[OUT]], %c0
// CHECK:         %[[OK:.*]] = arith.cmpi eq, %[[M]], %[[SLOTS]]
// CHECK:         effattn.check %[[OK]], "{{.*}}expected out slots (dim 0) to equal the values per digit to the power of the digits of x, {0}^{1}, but got {2}"(%[[P]], %[[U]], %[[M]] :
func.func @product_softmax_of_dynamic_sizes(%x: tensor<?x?xf32>, %out: tensor<?xf32>) -> tensor<?xf32> {
  %slots = effattn.product_softmax ins(%x : tensor<?x?xf32>) outs(%out : tensor<?xf32>)
  return %slots : tensor<?xf32>
}

// CHECK-LABEL: @product_softmax_of_static_digits
// CHECK-NOT:     effattn.check
func.func @product_softmax_of_static_digits(%x: memref<2x4xf32>, %out: memref<16xf32>) {
  effattn.product_softmax ins(%x : memref<2x4xf32>) outs(%out : memref<16xf32>)
  return
}

// CHECK-LABEL: @top_k_of_dynamic_sizes
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected indices kept slots (dim 0) to equal values kept slots (dim 0), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected values kept slots (dim 0) to equal k, but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected k to be at most the size of x (dim 0), but got {0} and {1}"(%c3, %
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected x (dim 0) to be at most {0}, but got {1}"(%c2147483647, %
func.func @top_k_of_dynamic_sizes(%x: memref<?xf32>, %v: memref<?xf32>, %i: memref<?xi32>) {
  effattn.top_k ins(%x : memref<?xf32>) outs(%v, %i : memref<?xf32>, memref<?xi32>) {k = 3}
  return
}

// CHECK-LABEL: @top_k_of_static_sizes
// CHECK-NOT:     effattn.check
func.func @top_k_of_static_sizes(%x: memref<5xf32>, %v: memref<3xf32>, %i: memref<3xi32>) {
  effattn.top_k ins(%x : memref<5xf32>) outs(%v, %i : memref<3xf32>, memref<3xi32>) {k = 3}
  return
}

// CHECK-LABEL: @search_among_dynamic_slots
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected at most {0} slots, but got {1}^{2}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected k to be at most the number of slots, but got {0} and {1}"(%c3, %
func.func @search_among_dynamic_slots(%x: memref<2x?xf32>, %v: memref<3xf32>, %i: memref<3xi32>) {
  effattn.product_softmax_top_k ins(%x : memref<2x?xf32>) outs(%v, %i : memref<3xf32>, memref<3xi32>) {k = 3}
  return
}

// Whatever the slots and positions are, a shift wraps.
// CHECK-LABEL: @shift_needs_equal_sizes_only
// CHECK-COUNT-5: expected {{.*}} to equal
// CHECK-NOT:     effattn.check
func.func @shift_needs_equal_sizes_only(%i: memref<?x?x?xi32>, %p: memref<?x?xi32>, %out: memref<?x?x?xi32>) {
  effattn.cyclic_shift ins(%i, %p : memref<?x?x?xi32>, memref<?x?xi32>) outs(%out : memref<?x?x?xi32>) {digits = 2, base = 4}
  return
}

// CHECK-LABEL: @decode_of_dynamic_width
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected digits to divide the width of x (dim 2), but got {0} and {1}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected x (dim 2) to hold at least one value per digit, because there are positions, but got 0"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected at most {0} slots, but got {1}^{2}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected k to be at most the number of slots, but got {0} and {1}"
func.func @decode_of_dynamic_width(%x: memref<1x1x?xf32>, %p: memref<1x1xi32>, %w: memref<1x1x3xf32>, %i: memref<1x1x3xi32>) {
  effattn.address_decode ins(%x : memref<1x1x?xf32>) positions(%p : memref<1x1xi32>)
    outs(%w, %i : memref<1x1x3xf32>, memref<1x1x3xi32>) {digits = 2, k = 3}
  return
}

// C2, C3: short addresses are compared pair by pair, of valid tokens only.
// CHECK-LABEL: @addresses_of_valid_tokens
// CHECK-SAME:    %[[LENGTHS:[a-z0-9]+]]: tensor<2xi32>
// CHECK:         scf.for %[[ROW:.*]] = %c0 to %c2
// CHECK:         scf.for %[[ROW:.*]] = %c0 to %c2
// CHECK:           %[[LENGTH:.*]] = tensor.extract %[[LENGTHS]][%[[ROW]]]
// CHECK:           %[[TOKENS:.*]] = arith.index_cast %[[LENGTH]]
// CHECK:           scf.for %[[TOKEN:.*]] = %c0 to %[[TOKENS]]
// CHECK:             effattn.check %{{.*}}, "'effattn.address_memory' op expected write_indices to lie in [0, {0}), but got slot {1} in row {2}, token {3}"(%c9, %[[SLOT:.*]], %[[ROW]], %[[TOKEN]] :
// CHECK:             effattn.check %{{.*}}, "'effattn.address_memory' op expected write_indices to name a slot once a token, but got slot {0} twice in row {1}, token {2}"(%[[SLOT]], %[[ROW]], %[[TOKEN]] :
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected read_indices to lie in
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected read_indices to name
// CHECK-NOT:     scf.while
func.func @addresses_of_valid_tokens(%lengths: tensor<2xi32>, %w: tensor<2x5x4xf32>, %i: tensor<2x5x4xi32>, %v: tensor<2x5x3xf32>,
    %memory: tensor<2x9x3xf32>, %mass: tensor<2x9xf32>) -> (tensor<2x5x3xf32>, tensor<2x9x3xf32>, tensor<2x9xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<2x5x4xf32>, tensor<2x5x4xi32>, tensor<2x5x3xf32>, tensor<2x5x4xf32>, tensor<2x5x4xi32>)
    lengths(%lengths : tensor<2xi32>)
    outs(%v, %memory, %mass : tensor<2x5x3xf32>, tensor<2x9x3xf32>, tensor<2x9xf32>)
  return %o, %s, %z : tensor<2x5x3xf32>, tensor<2x9x3xf32>, tensor<2x9xf32>
}

// Long ones go through a table of 2 K + 1 entries, whatever M is.
// CHECK-LABEL: @long_addresses
// CHECK:         tensor.empty() : tensor<201xi64>
// CHECK:         scf.while
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected write_indices to name a slot once
// CHECK:         scf.while
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected read_indices to name a slot once
func.func @long_addresses(%w: tensor<1x?x100xf32>, %i: tensor<1x?x100xi32>, %v: tensor<1x?x3xf32>,
    %memory: tensor<1x?x3xf32>, %mass: tensor<1x?xf32>) -> (tensor<1x?x3xf32>, tensor<1x?x3xf32>, tensor<1x?xf32>) {
  %o, %s, %z = effattn.address_memory
    ins(%w, %i, %v, %w, %i : tensor<1x?x100xf32>, tensor<1x?x100xi32>, tensor<1x?x3xf32>, tensor<1x?x100xf32>, tensor<1x?x100xi32>)
    outs(%v, %memory, %mass : tensor<1x?x3xf32>, tensor<1x?x3xf32>, tensor<1x?xf32>)
  return %o, %s, %z : tensor<1x?x3xf32>, tensor<1x?x3xf32>, tensor<1x?xf32>
}

// On memrefs nobody would free a table.
// CHECK-LABEL: @long_addresses_in_buffers
// CHECK-NOT:     alloc
// CHECK-NOT:     scf.while
// CHECK:         effattn.address_memory
func.func @long_addresses_in_buffers(%w: memref<1x?x100xf32>, %i: memref<1x?x100xi32>, %v: memref<1x?x3xf32>,
    %memory: memref<1x?x3xf32>, %mass: memref<1x?xf32>, %out: memref<1x?x3xf32>) {
  effattn.address_memory
    ins(%w, %i, %v, %w, %i : memref<1x?x100xf32>, memref<1x?x100xi32>, memref<1x?x3xf32>, memref<1x?x100xf32>, memref<1x?x100xi32>)
    outs(%out, %memory, %mass : memref<1x?x3xf32>, memref<1x?x3xf32>, memref<1x?xf32>)
  return
}

// CHECK-LABEL: @codes_of_dynamic_sizes
// CHECK:         effattn.check %{{.*}}, "'effattn.vector_quantize' op expected groups to divide the width of x (dim 1), but got {0} and {1}"(%c2, %
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected codes (dim 1) to equal groups, but got {0} and {1}"(%{{.*}}, %c2 :
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected codebook size (dim 0) to be at least 1, but got {0}"
// CHECK:         effattn.check %{{.*}}, "{{.*}}expected codebook size (dim 0) to be at most {0}, but got {1}"(%c2147483647, %
func.func @codes_of_dynamic_sizes(%x: memref<?x?xf32>, %book: memref<?x?xf32>, %codes: memref<?x?xi32>, %out: memref<?x?xf32>) {
  effattn.vector_quantize ins(%x, %book : memref<?x?xf32>, memref<?x?xf32>) outs(%codes, %out : memref<?x?xi32>, memref<?x?xf32>) {groups = 2}
  return
}

// CHECK-LABEL: @codes_of_static_sizes
// CHECK-NOT:     effattn.check
// CHECK:         effattn.vector_quantize
func.func @codes_of_static_sizes(%x: memref<4x8xf32>, %book: memref<5x8xf32>, %codes: memref<4xi32>, %out: memref<4x8xf32>) {
  effattn.vector_quantize ins(%x, %book : memref<4x8xf32>, memref<5x8xf32>) outs(%codes, %out : memref<4xi32>, memref<4x8xf32>)
  return
}
