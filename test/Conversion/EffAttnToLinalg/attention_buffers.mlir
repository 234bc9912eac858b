// RUN: effattn-opt %s -effattn-convert-to-linalg -canonicalize -cse \
// RUN:   -one-shot-bufferize="bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map allow-return-allocs-from-loops=true" \
// RUN:   -canonicalize -cse -canonicalize | FileCheck %s

// Keys and values are not copied, the result is built in its place, and a tile
// of query rows has four buffers, none of which grows with the keys.
// CHECK-LABEL: @causal
// CHECK-NOT:     memref.alloc
// CHECK:         scf.forall
// CHECK-COUNT-4:   memref.alloc
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @causal(%q: tensor<?x?x?x8xf32>, %k: tensor<?x?x?x8xf32>, %v: tensor<?x?x?x8xf32>,
    %out: tensor<?x?x?x8xf32>, %lse: tensor<?x?x?xf32>) -> (tensor<?x?x?x8xf32>, tensor<?x?x?xf32>) {
  %0:2 = effattn.attention ins(%q, %k, %v : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>)
    outs(%out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
}
