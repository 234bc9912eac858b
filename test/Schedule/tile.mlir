// RUN: effattn-opt %s --transform-interpreter --canonicalize | FileCheck %s

// Ops that treat each row by itself are tiled by upstream's ops, which also fuse
// them into loops over the rows of what uses them.
// CHECK-LABEL: func.func @layers
// CHECK:         %[[ROWS:.*]] = arith.constant 32 : index
// CHECK-NOT:     effattn
// CHECK:         scf.for {{.*}} step %[[ROWS]]
// CHECK:           effattn.rms_norm
// CHECK:           effattn.gated_ffn
// CHECK-NOT:     effattn
// CHECK:         return
func.func @layers(%x: tensor<?x64xf32>, %scale: tensor<64xf32>, %gate: tensor<64x128xf32>, %up: tensor<64x128xf32>,
                  %down: tensor<128x64xf32>, %norms: tensor<?x64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %norm = effattn.rms_norm ins(%x, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%norms : tensor<?x64xf32>)
  %sum = effattn.gated_ffn ins(%norm, %gate, %up, %down
    : tensor<?x64xf32>, tensor<64x128xf32>, tensor<64x128xf32>, tensor<128x64xf32>) outs(%out : tensor<?x64xf32>)
  return %sum : tensor<?x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %layer = transform.structured.match ops{["effattn.gated_ffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %fused, %loop = transform.structured.fuse %layer tile_sizes [32] {apply_cleanup}
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
