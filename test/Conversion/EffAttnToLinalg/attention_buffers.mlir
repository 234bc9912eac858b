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

// Two streams, rows of a table and weights of its ends: of all keys and of a
// step; scores and rows of a step.
// CHECK-LABEL: @two_streams
// CHECK-NOT:     memref.alloc
// CHECK:         scf.forall
// CHECK-COUNT-10:  memref.alloc
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @two_streams(%q: tensor<?x?x?x8xf32>, %k: tensor<?x?x?x8xf32>, %v: tensor<?x?x?x8xf32>, %v2: tensor<?x?x?x8xf32>,
    %a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %out: tensor<?x?x?x8xf32>, %out2: tensor<?x?x?x8xf32>)
    -> (tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) {
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %v2 : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>)
    relative_keys(%a : tensor<?x8xf32>) relative_values(%b : tensor<?x8xf32>)
    outs(%out, %out2 : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1 : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>
}
