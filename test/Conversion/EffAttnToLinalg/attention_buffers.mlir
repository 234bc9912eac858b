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

// A step over a cache of keys: new entries are written where they stay, and
// attention reads all of them there. Nothing is left for a fusion to save.
// CHECK-LABEL: @append_and_attend
// CHECK-NOT:     memref.alloc
// CHECK-COUNT-2: scf.forall
// CHECK-COUNT-4:   memref.alloc
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @append_and_attend(%q: tensor<?x32x1x64xf32>, %k: tensor<?x8x1x64xf32>, %v: tensor<?x8x1x64xf32>,
    %keys: tensor<?x8x?x64xf32>, %values: tensor<?x8x?x64xf32>, %length: tensor<?xi32>, %out: tensor<?x32x1x64xf32>)
    -> (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?xi32>, tensor<?x32x1x64xf32>) {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>)
    outs(%keys, %values, %length : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?xi32>)
  %1 = effattn.attention ins(%q, %0#0, %0#1 : tensor<?x32x1x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>)
    key_lengths(%0#2 : tensor<?xi32>) outs(%out : tensor<?x32x1x64xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1, %0#2, %1 : tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?xi32>, tensor<?x32x1x64xf32>
}

// The same in a ring, whose entries have positions.
// CHECK-LABEL: @append_to_a_ring_and_attend
// CHECK-NOT:     memref.alloc
// CHECK-COUNT-2: scf.forall
// CHECK-COUNT-4:   memref.alloc
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         return
func.func @append_to_a_ring_and_attend(%q: tensor<?x32x1x64xf32>, %k: tensor<?x8x1x64xf32>, %v: tensor<?x8x1x64xf32>,
    %keys: tensor<?x8x512x64xf32>, %values: tensor<?x8x512x64xf32>, %length: tensor<?xi32>, %positions: tensor<?x512xi64>,
    %offset: tensor<?xi32>, %out: tensor<?x32x1x64xf32>)
    -> (tensor<?x8x512x64xf32>, tensor<?x8x512x64xf32>, tensor<?xi32>, tensor<?x32x1x64xf32>) {
  %0:3 = effattn.kv_cache_append ins(%k, %v : tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>)
    outs(%keys, %values, %length : tensor<?x8x512x64xf32>, tensor<?x8x512x64xf32>, tensor<?xi32>) {ring = true}
  %1 = effattn.attention ins(%q, %0#0, %0#1 : tensor<?x32x1x64xf32>, tensor<?x8x512x64xf32>, tensor<?x8x512x64xf32>)
    key_positions(%positions : tensor<?x512xi64>) offset(%offset : tensor<?xi32>) outs(%out : tensor<?x32x1x64xf32>) mask {
    %mask = effattn.causal_mask
    effattn.yield %mask : !effattn.mask
  }
  return %0#0, %0#1, %0#2, %1 : tensor<?x8x512x64xf32>, tensor<?x8x512x64xf32>, tensor<?xi32>, tensor<?x32x1x64xf32>
}
